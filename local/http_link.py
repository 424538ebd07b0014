"""HTTP to one server, on connections that are kept. It asks no proxy.

The standard library's client, since a look is taken five times a second beside a model that wants the processor
(docs/adr/0065).
"""

import json
import select
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object in the body; empty when there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class NoAnswerError(Exception):
    """The server cannot be reached, did not answer in time, or broke off."""


class HttpLink:
    """Requests to the server at `url`. Nothing is sent twice; threads may share it, each request has a connection."""

    def __init__(self, url: str, timeout_s: float) -> None:
        address = urlsplit(url)
        self._url, self._base, self._netloc = url, address.path.rstrip("/"), address.netloc
        self._kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._timeout_s = timeout_s
        self._idle: list[HTTPConnection] = []

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request and read the whole answer. Raises `NoAnswerError`."""
        connection = self._connection()
        try:
            connection.request(method, f"{self._base}{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise NoAnswerError(f"{self._url} does not answer: {error}") from error
        except BaseException:
            connection.close()  # what comes on it would be taken for the answer to the next request
            raise
        self._idle.append(connection)
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def _connection(self) -> HTTPConnection:
        while self._idle:
            with suppress(IndexError):  # another thread took the last one
                connection = self._idle.pop()
                if _usable(connection):
                    return connection
                connection.close()
        return self._kind(self._netloc, timeout=self._timeout_s)

    def close(self) -> None:
        """Let go of connections; a later request connects again."""
        while self._idle:
            self._idle.pop().close()


def _usable(connection: HTTPConnection) -> bool:
    """Whether the server has neither hung up nor said something that nobody asked for."""
    if connection.sock is None:  # it asked for the end with its last answer
        return False
    readable = select.poll()
    readable.register(connection.sock, select.POLLIN)
    return not readable.poll(0)

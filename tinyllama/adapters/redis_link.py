"""One connection to Redis for callers that send a request, wait for the answer, and send the next one.

A script call through redis-py costs more in Python than Redis and the network take for it, and importing redis-py is
a large part of a cold start (docs/adr/0032). The protocol itself is hiredis, which is also what redis-py uses.
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import hiredis

from tinyllama.adapters.redis_scripts import digest, source
from tinyllama.domain.errors import QueueUnavailableError

IDLE_MAX_S = 30.0
"""A connection that was not used for this long is replaced: Lambda freezes a container between two requests, and
whatever told it meanwhile that the server is gone may be lost."""
_CHUNK = 65_536
_INCOMPLETE = object()

Words = tuple[str | int, ...]


class _Connection:
    """A socket, and what has arrived of an answer."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._socket = socket.create_connection((host, port), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel keeps the time: with Python's timeouts every send and receive is two system calls.
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout_s))
        self._wait_for(timeout_s)
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._reader = hiredis.Reader(encoding="utf-8", notEnoughData=_INCOMPLETE)
        self._used_at = time.time()

    @property
    def usable(self) -> bool:
        """Whether a request may be sent: nothing has arrived that was not asked for, such as the end of the stream."""
        return 0 <= time.time() - self._used_at < IDLE_MAX_S and not self._readable.poll(0)

    def ask(self, words: Words, unknown: Words | None) -> Any:
        """Send a command, and `unknown` if the server does not know its script; raises what it answers in anger."""
        answer = self._exchange(words)
        if unknown and unknown_script(answer):  # so it has not run, and after EVAL the server knows it
            answer = self._exchange(unknown)
        if isinstance(answer, hiredis.ReplyError):
            raise answer
        return answer

    def ask_both(self, first: Words, wait_s: float, second: Words) -> Any:
        """Send two commands in one piece, of which the first may block for `wait_s`; returns what the second brings."""
        until, answers = time.monotonic() + wait_s + self._timeout_s, list[Any]()
        self._socket.sendall(b"".join(hiredis.pack_command(words) for words in (first, second)))  # type: ignore[arg-type]
        while len(answers) < 2:
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError("no answer in time")
            self._wait_for(left)
            answer = self._received()
            while answer is not _INCOMPLETE:
                answers.append(answer)
                answer = self._reader.gets()
        if len(answers) > 2:
            raise hiredis.ProtocolError("more than two answers")
        self._wait_for(self._timeout_s)
        self._used_at = time.time()
        for failed in answers:
            if isinstance(failed, hiredis.ReplyError) and not unknown_script(failed):
                raise failed
        return answers[1]

    def _exchange(self, words: Words) -> Any:
        until = time.monotonic() + self._timeout_s
        self._socket.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub says: of one
        if (answer := self._received()) is _INCOMPLETE:
            answer = self._rest(until)
        if self._reader.has_data():
            raise hiredis.ProtocolError("more than one answer")
        self._used_at = time.time()
        return answer

    def _rest(self, until: float) -> Any:
        """What is still to come of an answer, by `until` at the latest."""
        while (left := until - time.monotonic()) > 0:
            self._wait_for(left)
            if (answer := self._received()) is not _INCOMPLETE:
                self._wait_for(self._timeout_s)
                return answer
        raise TimeoutError("timed out in the middle of an answer")

    def _wait_for(self, seconds: float) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))

    def _received(self) -> Any:
        piece = self._socket.recv(_CHUNK)
        if not piece:
            raise ConnectionResetError("closed by the server")
        self._reader.feed(piece)
        return self._reader.gets()

    def close(self) -> None:
        self._socket.close()


def _timeval(seconds: float) -> bytes:
    """As setsockopt(2) wants it; zero would mean for ever."""
    whole, rest = divmod(max(1, round(seconds * 1e6)), 1_000_000)
    return struct.pack("ll", whole, rest)


class RedisLink:
    """`Link` to one server, which is only connected to when something is asked.

    It waits `timeout_s` for a connection and as long for an answer, and sends nothing twice: a command whose answer
    did not come may have run. After any error the connection is given up, and the next call makes another.
    One thread at a time uses a connection, so several threads have several.
    """

    def __init__(self, host: str, port: int = 6379, *, timeout_s: float = 0.05) -> None:
        self._server = host, port, timeout_s
        self._idle: list[_Connection] = []

    def run(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        call = (len(keys), *keys, *args)
        return self._ask(("EVALSHA", digest(script), *call), unknown=("EVAL", source(script), *call))

    def ask(self, *words: str | int) -> Any:
        return self._ask(words)

    def wait_and_run(
        self, words: Sequence[str | int], wait_s: float, script: str, keys: Sequence[str], args: Sequence[str | int]
    ) -> Any:
        call: Words = ("EVALSHA", digest(script), len(keys), *keys, *args)
        answer = self._use(lambda connection: connection.ask_both(tuple(words), wait_s, call))
        return self.run(script, keys, args) if unknown_script(answer) else answer

    def close(self) -> None:
        """Give up what is connected; a later call connects again."""
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        """Whoever drops the link drops what is connected."""
        self.close()

    def _ask(self, words: Words, unknown: Words | None = None) -> Any:
        return self._use(lambda connection: connection.ask(words, unknown))

    def _use(self, ask: Callable[[_Connection], Any]) -> Any:
        try:
            connection = self._connection()
            try:
                answer = ask(connection)
            except BlockingIOError:
                connection.close()
                raise TimeoutError("timed out") from None
            except BaseException:
                connection.close()
                raise
        except (OSError, hiredis.HiredisError, UnicodeError) as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error
        self._idle.append(connection)
        return answer

    def _connection(self) -> _Connection:
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread took the last one
                connection = self._idle.pop()
                if connection.usable:
                    return connection
                connection.close()
        return _Connection(*self._server)


def unknown_script(answer: object) -> bool:
    """Whether the server answered that it does not know a script by its digest."""
    return isinstance(answer, hiredis.ReplyError) and str(answer).startswith("NOSCRIPT")

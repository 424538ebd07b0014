"""Connections to Redis for the worker, which asks many things at once: `redis_link.py` for an event loop.

A script call through redis-py's asyncio client takes three times as long in Python as in Redis. The protocol itself is
hiredis, which is also what redis-py uses.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import hiredis

from tinyllama.adapters.redis_link import Words, unknown_script
from tinyllama.adapters.redis_scripts import digest, source
from tinyllama.domain.errors import QueueUnavailableError

_INCOMPLETE = object()


_packed: Callable[[Words], bytes] = hiredis.pack_command  # type: ignore[assignment]  # its stub says: of one


class _Request:
    """Commands that were sent in one piece, and what has been answered. `until` is in the loop's own seconds."""

    __slots__ = ("answers", "expected", "future", "until")

    def __init__(self, future: "asyncio.Future[list[Any]]", expected: int, until: float) -> None:
        self.future, self.expected, self.until = future, expected, until
        self.answers: list[Any] = []


class _Connection(asyncio.Protocol):
    """A socket on which answers come in the order of the requests. After any error it is closed for good."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reader = hiredis.Reader(encoding="utf-8", notEnoughData=_INCOMPLETE)
        self._waiting: deque[_Request] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def usable(self) -> bool:
        """Whether a request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError("closed by the server"))

    def send(self, commands: Sequence[Words], patience_s: float) -> "asyncio.Future[list[Any]]":
        """Send commands in one piece; the future gives one answer each, which may be a `hiredis.ReplyError`."""
        if self._transport is None:
            raise ConnectionResetError("not connected")
        request = _Request(self._loop.create_future(), len(commands), self._loop.time() + patience_s)
        self._waiting.append(request)
        self._transport.write(b"".join([_packed(words) for words in commands]))
        if self._timer is None:
            self._timer = self._loop.call_at(request.until, self._look)
        return request.future

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not _INCOMPLETE:
                request = self._waiting[0]
                request.answers.append(answer)
                if len(request.answers) == request.expected:
                    self._waiting.popleft()
                    if not request.future.done():
                        request.future.set_result(request.answers)
        except (hiredis.HiredisError, UnicodeError, IndexError) as error:
            self._fail(error)

    def _look(self) -> None:
        """One timer a connection, not one a request: nearly none ever rings for anything."""
        self._timer = None
        if not self._waiting:
            return
        if (until := self._waiting[0].until) <= self._loop.time():
            self._fail(TimeoutError("no answer in time"))
        else:
            self._timer = self._loop.call_at(until, self._look)

    def _fail(self, error: Exception) -> None:
        for request in self._waiting:
            if not request.future.done():
                request.future.set_exception(error)
        self._waiting.clear()
        self.close()

    def close(self) -> None:
        """Give it up; what has not been answered never will be."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._transport:
            self._transport.abort()


class RedisAsyncLink:
    """`AsyncLink` to one server, which is only connected to when something is asked.

    It waits `timeout_s` for a connection and as long for an answer, and sends nothing twice: a command whose answer
    did not come may have run. After an error the connection is given up, and the next call makes another.
    """

    def __init__(self, host: str, port: int = 6379, *, timeout_s: float = 5.0) -> None:
        self._server, self._timeout_s = (host, port), timeout_s
        self._shared: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._idle: list[_Connection] = []
        self._made: list[_Connection] = []

    async def run(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        call = (len(keys), *keys, *args)
        try:
            return await self.ask("EVALSHA", digest(script), *call)
        except QueueUnavailableError as error:
            if not unknown_script(error.__cause__):
                raise
        return await self.ask("EVAL", source(script), *call)

    async def ask(self, *words: str | int) -> Any:
        with _unavailable():
            [answer] = await (await self._common()).send([words], self._timeout_s)
            if isinstance(answer, hiredis.ReplyError):
                raise answer
        return answer

    async def wait_and_run(
        self, words: Sequence[str | int], wait_s: float, script: str, keys: Sequence[str], args: Sequence[str | int]
    ) -> Any:
        call = (len(keys), *keys, *args)
        with _unavailable():
            connection = await self._own()
            try:
                patience_s = wait_s + self._timeout_s
                first, answer = await connection.send([tuple(words), ("EVALSHA", digest(script), *call)], patience_s)
                if unknown_script(answer):
                    [answer] = await connection.send([("EVAL", source(script), *call)], self._timeout_s)
            except BaseException:
                connection.close()  # or the answer to this would be taken for the answer to the next
                raise
            self._idle.append(connection)
            for failed in (first, answer):
                if isinstance(failed, hiredis.ReplyError):
                    raise failed
        return answer

    async def _common(self) -> _Connection:
        """The one that everybody shares, or one that is about to be used for something that blocks: in one packet."""
        if self._idle and self._idle[-1].usable:
            return self._idle[-1]
        if self._shared is None or not self._shared.usable:
            async with self._connecting:
                if self._shared is None or not self._shared.usable:
                    self._shared = await self._connect()
        return self._shared

    async def _own(self) -> _Connection:
        """A connection that nobody else uses: on a shared one everybody would wait for what blocks."""
        while self._idle:
            if (connection := self._idle.pop()).usable:
                return connection
        return await self._connect()

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout_s):
            _, connection = await loop.create_connection(lambda: _Connection(loop), *self._server)
        self._made = [connection, *(one for one in self._made if one.usable)]
        return connection

    async def close(self) -> None:
        for connection in self._made:
            connection.close()
        await asyncio.sleep(0)  # a transport lets go of its socket when the loop comes round again


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (OSError, hiredis.HiredisError, UnicodeError) as error:
        raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error

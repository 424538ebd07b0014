"""An engine's answer as it arrives: server-sent events, read a few at a time.

Source: HTML Living Standard, "Server-sent events", 9.2.6. Not a library's: those there are take one event after the
other, and waking up for each costs many times what reading it does.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import aiohttp

from tinyllama.domain.errors import EngineError

LONGEST_EVENT = 1 << 20
"""Bytes; a chunk has a few hundred."""
TICK_S = 0.5
"""The longest that the kernel keeps what arrives. All streams are read at the same ticks of the event loop's clock."""
_MUCH = 65_536
"""Bytes that are handed over before the tick."""


async def events(response: aiohttp.ClientResponse, begun: Callable[[], bool]) -> AsyncIterator[list[bytes]]:
    """The data of the events, as many at a time as have arrived.

    They come at once until the text has `begun`, the last as soon as the engine hangs up, and in between those of a
    tick together: they are not published more often, and on a host that shares its cores with the engine the time is
    the engine's. Raises `EngineError`, and what aiohttp raises.
    """
    rest, kernel = b"", _Kernel(response)
    try:
        while data := await response.content.readany():
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LONGEST_EVENT:
                raise EngineError("engine_garbage", f"{len(rest)} bytes without the end of a line")
            if found := [event for line in lines if (event := _data(line))]:
                yield found
            if begun():
                kernel.gather()
    finally:
        kernel.forget()


class _Kernel:
    """Has the kernel gather what arrives (`SO_RCVLOWAT`), which, unlike a pause of ours, ends with the connection."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        connection = response.connection
        self._transport = connection.transport if connection else None  # there is none when all has come at once
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def gather(self) -> None:
        """Wake nobody before the next tick."""
        if self._timer is None and self._wake_at(_MUCH):
            self._timer = self._loop.call_at((self._loop.time() // TICK_S + 1) * TICK_S, self._hand_over)

    def _hand_over(self) -> None:
        self._timer = None
        self._wake_at(1)

    def _wake_at(self, size: int) -> bool:
        """Have the connection count as readable from so many bytes on; false when it is over."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
        return True

    def forget(self) -> None:
        """Nothing will be read any more."""
        if self._timer:
            self._timer.cancel()


def _data(line: bytes) -> bytes:
    """What a line says; nothing when it is a comment (a server's keep-alive), an empty one or another field."""
    field, _, value = line.rstrip(b"\r").partition(b":")
    if field == b"data":
        return value.removeprefix(b" ")
    # llama.cpp's servers of 2024 and 2025 send a failure in a field of its own.
    return b'{"error":%b}' % value if field == b"error" else b""

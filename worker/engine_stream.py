"""An engine's answer as it arrives: server-sent events, read a few at a time.

Source: HTML Living Standard, "Server-sent events", 9.2.6. Not a library's: those there are take one event after the
other, and waking up for each costs many times what reading it does.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp

from tinyllama.domain.errors import EngineError

LONGEST_EVENT = 1 << 20
"""Bytes; a chunk has a few hundred."""
_PAUSE_SHARE, _LONGEST_PAUSE_S = 0.02, 0.05


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[list[bytes]]:
    """The data of the events, as many at a time as have arrived.

    The first come at once. Between two reads passes up to a fiftieth of the time since then: nobody notices, and on a
    host that shares its cores with the engine it is the engine's. Raises `EngineError`, and what aiohttp raises.
    """
    rest, began = b"", time.monotonic()
    while data := await response.content.readany():
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > LONGEST_EVENT:
            raise EngineError("engine_garbage", f"{len(rest)} bytes without the end of a line")
        if found := [event for line in lines if (event := _data(line))]:
            yield found
        await _let_gather(response, min(_LONGEST_PAUSE_S, _PAUSE_SHARE * (time.monotonic() - began)))


async def _let_gather(response: aiohttp.ClientResponse, pause_s: float) -> None:
    """Leave what arrives meanwhile to the kernel."""
    connection = response.connection
    transport = connection.transport if connection else None  # there is none at the end
    if transport is None or transport.is_closing():
        return
    transport.pause_reading()
    try:
        await asyncio.sleep(pause_s)
    finally:
        if not transport.is_closing():  # uvloop's would complain
            transport.resume_reading()


def _data(line: bytes) -> bytes:
    """What a line says; nothing when it is a comment (a server's keep-alive), an empty one or another field."""
    field, _, value = line.rstrip(b"\r").partition(b":")
    if field == b"data":
        return value.removeprefix(b" ")
    # llama.cpp's servers of 2024 and 2025 send a failure in a field of its own.
    return b'{"error":%b}' % value if field == b"error" else b""

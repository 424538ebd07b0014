"""Engines for tests: one in memory that does what a script says, one behind HTTP that misbehaves."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

from tinyllama.domain.errors import EngineError
from tinyllama.domain.jobs import Usage
from tinyllama.ports import Chunk


@dataclass
class ScriptedEngine:
    """Repeats the prompt word by word. `gate`, when cleared, holds it before each word; `failures` come first."""

    model: str = "scripted"
    failures: list[EngineError] = field(default_factory=list)
    well: bool = True
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    started: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def healthy(self) -> bool:
        return self.well

    async def generate(self, prompt: str) -> AsyncIterator[Chunk]:
        self.started += 1
        if self.failures:
            raise self.failures.pop(0)
        words = prompt.split()
        for number, word in enumerate(words):
            await self.gate.wait()
            yield Chunk(f" {word}" if number else word)
        yield Chunk(usage=Usage(prompt_tokens=len(words), completion_tokens=len(words)))

    async def close(self) -> None:
        pass


class Mode(Enum):
    """How `http_engine` behaves."""

    GOOD = auto()
    REFUSES = auto()
    HANGS = auto()
    GARBAGE = auto()
    BREAKS_OFF = auto()
    ENDS_EARLY = auto()
    SENDS_ERROR = auto()


def _events(mode: Mode) -> Iterator[str]:
    yield _delta("Hello")
    if mode is Mode.GARBAGE:
        yield "data: {not json\n\n"
    if mode is Mode.SENDS_ERROR:
        yield 'data: {"error": {"message": "context is full"}}\n\n'
    if mode in {Mode.BREAKS_OFF, Mode.ENDS_EARLY, Mode.HANGS}:
        return
    yield _delta(" world")
    yield 'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    yield 'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}}\n\n'
    yield "data: [DONE]\n\n"


def _delta(text: str) -> str:
    return "data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": None}]}) + "\n\n"


@contextlib.asynccontextmanager
async def http_engine(mode: Mode) -> AsyncIterator[str]:
    """The address of an engine that behaves like that."""

    handled: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handled.add(cast("asyncio.Task[None]", asyncio.current_task()))
        # The client may hang up first; that is its right.
        with contextlib.suppress(ConnectionError):
            await _answer(mode, reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}"
        await asyncio.gather(*handled)


async def _answer(mode: Mode, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    if mode is Mode.REFUSES:
        writer.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nboom")
    else:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for event in _events(mode):
            writer.write(f"{len(event.encode()):x}\r\n{event}\r\n".encode())
        if mode is Mode.HANGS:
            await writer.drain()
            await reader.read()
        elif mode is not Mode.BREAKS_OFF:
            writer.write(b"0\r\n\r\n")
    await writer.drain()

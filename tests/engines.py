"""Engines for tests: one in memory that does what a script says, one behind HTTP that misbehaves."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, cast

from tinyllama.domain.errors import EngineError
from tinyllama.domain.replies import Usage
from tinyllama.ports import Chunk

ANSWERS = Path(__file__).parent / "engine_answers"


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
    """How `http_engine` misbehaves, after a first word."""

    HANGS = auto()
    BREAKS_OFF = auto()
    ENDS_EARLY = auto()


@dataclass(frozen=True)
class Answer:
    """What an engine answers; `pieces` is how many bytes it sends at once."""

    status: int
    body: bytes
    mode: Mode | None = None
    pieces: int = 1_000

    @classmethod
    def recorded(cls, name: str, **details: Any) -> "Answer":
        """An answer in `engine_answers`: comments (the first has the status), an empty line, the body."""
        head, _, body = (ANSWERS / f"{name}.txt").read_text(encoding="utf-8").partition("\n\n")
        return cls(int(head.split()[2]), body.encode(), **details)

    @classmethod
    def breaking(cls, mode: Mode) -> "Answer":
        """One word, and then trouble."""
        return cls(200, b'data: {"choices": [{"delta": {"content": "Hello"}, "finish_reason": null}]}\n\n', mode)

    def chunks(self) -> Iterator[bytes]:
        """The body as it goes over the wire."""
        for start in range(0, len(self.body), self.pieces):
            piece = self.body[start : start + self.pieces]
            yield b"%x\r\n%s\r\n" % (len(piece), piece)


@dataclass
class Asked:
    """An engine over HTTP: where it is, and what it was asked."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def http_engine(*answers: Answer) -> AsyncIterator[Asked]:
    """An engine that answers like that, one after the other; the last one for ever."""
    asked, handled = Asked(""), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handled.add(cast("asyncio.Task[None]", asyncio.current_task()))
        # The client may hang up first; that is its right.
        with contextlib.suppress(ConnectionError):
            asked.bodies.append(await _body(reader))
            await _send(answers[min(len(asked.bodies), len(answers)) - 1], reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    asked.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield asked
        await asyncio.gather(*handled)


async def _body(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length:")[2].split()[0])
    found: dict[str, Any] = json.loads(await reader.readexactly(length))
    return found


async def _send(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = f"HTTP/1.1 {answer.status} Whatever\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for chunk in answer.chunks():
        writer.write(chunk)
        await writer.drain()
    if answer.mode is Mode.HANGS:
        await reader.read()
    elif answer.mode is not Mode.BREAKS_OFF:
        writer.write(b"0\r\n\r\n")
    await writer.drain()

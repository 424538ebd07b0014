"""An engine over HTTP that waits to be told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Engine:
    """An engine over HTTP that answers `hello` and, while `go` is cleared, does not finish.

    Counts what it was asked, and how often a worker hung up on it. While `broken` it refuses every prompt, and says
    that it is well; while not `well`, it says so.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.hung_up = 0
        self.well, self.broken = True, False
        self.go = asyncio.Event()
        self.go.set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Engine"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield self
        self.go.set()
        server.close()
        await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the worker hung up: that is its right, and what some tests are about
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if head.startswith("get"):
            status = b"200 OK" if self.well else b"503 Loading"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return await writer.drain()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.asked.append(json.loads(await reader.readexactly(length))["messages"][0]["content"])
        if self.broken:
            writer.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\nconnection: close\r\n\r\nboom")
            return await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(b'data: {"choices": [{"delta": {"content": "hel"}}]}\n\n')
        await writer.drain()
        if not await self._may_go_on(reader):
            self.hung_up += 1
            return None
        writer.write(b'data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}\n\n')
        writer.write(
            b'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\ndata: [DONE]\n\n'
        )
        return await writer.drain()

    async def _may_go_on(self, reader: asyncio.StreamReader) -> bool:
        """Wait for `go`; false when the other side hangs up first."""
        gone, go = asyncio.ensure_future(reader.read()), asyncio.ensure_future(self.go.wait())
        done, pending = await asyncio.wait({gone, go}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return go in done

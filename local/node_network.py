"""What a node in a network namespace of its own reaches of this machine: single ports, and nothing else."""

import asyncio
import ctypes
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

Address = tuple[str, int]
_CLONE_NEWNET = 0x40000000
_CHUNK = 65_536


def listen_inside(pid: int, address: Address) -> socket.socket:
    """A socket that listens in the network namespace of a process, while we stay in ours. Raises OSError."""
    # A namespace is a thread's, so a thread goes there and comes back as a socket, which keeps the namespace.
    with ThreadPoolExecutor(1) as visitor:
        return visitor.submit(_visit, pid, address).result()


def _visit(pid: int, address: Address) -> socket.socket:
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
        if libc.setns(namespace.fileno(), _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, f"{os.strerror(number)}: the network of process {pid} cannot be entered")
    return socket.create_server(address)


@contextmanager
def forwarded(pid: int, doors: Mapping[Address, Address]) -> Iterator[None]:
    """While the context lasts, what connects to a key in the network of `pid` is connected to its value here."""
    listeners = {listen_inside(pid, inside): outside for inside, outside in doors.items()}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="node-network", daemon=True)
    thread.start()
    servers = [asyncio.run_coroutine_threadsafe(_serve(*one), loop).result() for one in listeners.items()]
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_end(servers), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(listener: socket.socket, outside: Address) -> asyncio.Server:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection(*outside)
            with closing(there_writer):
                await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))

    return await asyncio.start_server(join, sock=listener)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while some := await reader.read(_CHUNK):
        writer.write(some)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _end(servers: list[asyncio.Server]) -> None:
    for server in servers:
        server.close()
    joined = asyncio.all_tasks() - {asyncio.current_task()}
    for task in joined:
        task.cancel()
    await asyncio.gather(*joined, return_exceptions=True)

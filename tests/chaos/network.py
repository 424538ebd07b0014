"""Ways from a worker to everything else, each of which can be cut so that packets vanish and nobody is told.

Where the kernel permits, every worker lives in a network namespace of its own and a cut takes its link down. Elsewhere
each worker goes through a TCP relay of its own, and a cut makes that relay stand still. (In namespaces the relay is
there too, as the way to servers that listen on the loopback device only, and is never cut.)
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from local.processes import spawn

HUB = "10.77.0.1"
_INSIDE = "CHAOS_INSIDE"
_PROBE = "ip link set lo up && ip link add probe type bridge && unshare --net true && ip link del probe"
_WAYS_IN = (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net"))
T = TypeVar("T")


class Network(Protocol):
    """Where workers live; `command` starts a program there, and `address` is how it reaches a port of ours."""

    def address(self, worker: int, port: int) -> tuple[str, int]:
        """Host and port for worker `worker`."""

    def command(self, worker: int, words: Sequence[str]) -> list[str]:
        """The command that runs `words` in the worker's place."""

    def cut(self, worker: int) -> None:
        """Let every packet of the worker vanish."""

    def mend(self, worker: int) -> None:
        """Let them pass again; connections that survived go on."""


def way_in() -> tuple[str, ...] | None:
    """The command that starts a program in a network namespace of its own; None where the kernel forbids it."""
    if not shutil.which("unshare") or not shutil.which("ip") or not shutil.which("nsenter"):
        return None
    for way in _WAYS_IN:
        if not subprocess.run([*way, "sh", "-c", _PROBE], capture_output=True, check=False).returncode:
            return way
    return None


def inside() -> bool:
    """Whether this process was started by `enter`."""
    return _INSIDE in os.environ


def enter(way: Sequence[str], arguments: Sequence[str]) -> int:
    """Run this program again in a network namespace of its own; returns its exit code."""
    command = [*way, sys.executable, "-m", "tests.chaos", *arguments]
    return subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode


class Relays:
    """Threads out: TCP relays on one event loop, each of which may be made to stand still."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._open: dict[int, asyncio.Event] = {}
        self._ports: dict[tuple[int, int], int] = {}
        self._pumps = set[asyncio.Task[None]]()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="relays").start()

    def address(self, worker: int, port: int) -> tuple[str, int]:
        if (worker, port) not in self._ports:
            self._ports[worker, port] = self._wait(self._listen(worker, port))
        return self._host, self._ports[worker, port]

    def command(self, worker: int, words: Sequence[str]) -> list[str]:
        return list(words)

    def cut(self, worker: int) -> None:
        self._loop.call_soon_threadsafe(self._gate(worker).clear)

    def mend(self, worker: int) -> None:
        self._loop.call_soon_threadsafe(self._gate(worker).set)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _gate(self, worker: int) -> asyncio.Event:
        if worker not in self._open:
            self._open[worker] = asyncio.Event()
            self._open[worker].set()
        return self._open[worker]

    async def _listen(self, worker: int, port: int) -> int:
        gate = self._gate(worker)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._pumps.add(task := asyncio.ensure_future(_relay(reader, writer, port, gate)))
            task.add_done_callback(self._pumps.discard)

        server = await asyncio.start_server(serve, self._host, 0)
        return int(server.sockets[0].getsockname()[1])


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, gate: asyncio.Event) -> None:
    await gate.wait()
    with contextlib.suppress(OSError):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, back, gate), _pump(there, writer, gate))
    writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            await gate.wait()
            writer.write(data)
            await writer.drain()
    writer.close()


class Namespaces:
    """A namespace for each worker, joined by a bridge in the namespace that this process was started in."""

    def __init__(self, workers: int) -> None:
        _ip("link set lo up", "link add hub type bridge", f"addr add {HUB}/24 dev hub", "link set hub up")
        self._relays = Relays(HUB)
        self._holders = [spawn(["unshare", "--net", "sleep", "infinity"]) for _ in range(workers)]
        for worker, holder in enumerate(self._holders):
            self._join(worker, holder.pid)

    def _join(self, worker: int, pid: int) -> None:
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{pid}/ns/net")
        while theirs.readlink() == ours.readlink():  # until unshare has done its work
            time.sleep(0.001)
        _ip(f"link add v{worker} type veth peer name eth0 netns {pid}", f"link set v{worker} master hub up")
        there = ["nsenter", f"--net=/proc/{pid}/ns/net"]
        _ip("link set lo up", f"addr add 10.77.0.{worker + 2}/24 dev eth0", "link set eth0 up", there=there)

    def address(self, worker: int, port: int) -> tuple[str, int]:
        return self._relays.address(0, port)

    def command(self, worker: int, words: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._holders[worker].pid}/ns/net", *words]

    def cut(self, worker: int) -> None:
        _ip(f"link set v{worker} down")

    def mend(self, worker: int) -> None:
        _ip(f"link set v{worker} up")

    def close(self) -> None:
        """End the namespaces."""
        for holder in self._holders:
            holder.kill()
            holder.wait()
        _ip("link del hub")


def _ip(*commands: str, there: Sequence[str] = ()) -> None:
    for command in commands:
        subprocess.run([*there, "ip", *command.split()], check=True)


@contextlib.contextmanager
def network(workers: int) -> Iterator[Network]:
    """Namespaces where this process was started for them, relays elsewhere."""
    if not inside():
        yield Relays()
        return
    made = Namespaces(workers)
    try:
        yield made
    finally:
        made.close()

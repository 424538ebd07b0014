"""Who is measured as a queue, and what runs it: one worker process each, set up as its documentation advises."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.processes import end
from local.redis_server import RedisServer
from tests.bench.peers.queue.bell import PATH, REDIS
from tests.environments import ROOT, folder

SLOTS = 50
_PEERS = "tests.bench.peers.queue"
OURS, FLOOR = "ours", "XADD, XREADGROUP, XACK"


@dataclass(frozen=True, slots=True)
class Contestant:
    """`environment` is a lock file's name, empty for ours; `command` runs the worker, from that environment's `bin`."""

    environment: str
    module: str
    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return folder(self.environment) / "bin" if self.environment else Path(sys.executable).parent


def peer(name: str, *command: str, environment: str = "peers", **settings: str) -> Contestant:
    """In the command `@` stands for the peer's module."""
    module = f"{_PEERS}.{name}"
    return Contestant(environment, module, [word.replace("@", module) for word in command], settings)


_CELERY = ("celery", "-A", "@", "worker", "-P", "threads", "-c", "10", "-l", "ERROR")
_TASKIQ = ("taskiq", "worker", "@:broker", "--workers", "1", "--log-level", "ERROR")
CONTESTANTS: Mapping[str, Contestant] = {
    OURS: peer("ours", "python", "-m", "@_worker", str(SLOTS), environment=""),
    FLOOR: peer("floor_peer", "python", "-m", "@"),
    "RQ": peer("rq_peer", "python", "-m", "@"),
    "arq": peer("arq_peer", "arq", "@.WorkerSettings", environment="peer-arq"),
    "Celery": peer("celery_peer", *_CELERY, "--without-gossip", "--without-mingle", "--without-heartbeat"),
    "Dramatiq": peer("dramatiq_peer", "dramatiq", "@", "--processes", "1", "--threads", "50"),
    "Huey": peer("huey_peer", "huey_consumer", "@.huey", "-k", "thread", "-w", "10", "-n", "-q"),
    "SAQ": peer("saq_peer", "saq", "@.settings"),
    "taskiq, stream": peer("taskiq_peer", *_TASKIQ),
    "taskiq, list": peer("taskiq_peer", *_TASKIQ, BENCH_TASKIQ="list"),
}


class Producer:
    """A producer's process, and what it answers."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def latency(self, jobs: int, pause_s: float) -> list[float]:
        """Microseconds from before a job is added to the start of its handler, by an idle worker."""
        return [nanoseconds / 1000 for nanoseconds in self._ask(f"latency {jobs} {pause_s}")]

    def rate(self, in_flight: int, seconds: float) -> float:
        """Handlers started per second, with so many jobs in flight."""
        return float(self._ask(f"rate {in_flight} {seconds}"))

    def _ask(self, line: str) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the producer was started without pipes")
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the producer ended in the middle of `{line}`")
        return json.loads(answer)

    def finish(self) -> None:
        """Let it end."""
        if self._process.stdin:
            self._process.stdin.close()
        end(self._process, grace_s=2)


@contextlib.contextmanager
def playing(contestant: Contestant, queue: Mapping[str, str], *, pinned: bool) -> Iterator[Producer]:
    """A producer and a worker, both of them new; afterwards they are gone.

    `queue` are the settings that say where it is. When `pinned`, the producer shares the queue's core, and the worker
    has the other; otherwise they are wherever the kernel puts them.
    """
    producers, workers = (0, -1) if pinned else (None, None)
    with TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        environment = {**surroundings(queue, place), **contestant.settings}
        words = [str(contestant.bin / "python"), "-m", f"{_PEERS}.producer", contestant.module]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with core(producers):
            producer = Producer(subprocess.Popen(words, env=environment, cwd=ROOT, **pipes))
        stack.callback(producer.finish)
        with core(workers):
            stack.enter_context(start_worker(contestant, environment))
        yield producer


def on_redis(server: RedisServer) -> dict[str, str]:
    """The settings that say where that Redis is."""
    return {REDIS: f"redis://{server.host}:{server.port}/0"}


def surroundings(queue: Mapping[str, str], place: str) -> dict[str, str]:
    """What producers and workers find in their environment; `place` is a folder of their own."""
    return {**os.environ, **queue, PATH: f"{place}/bell", "PYTHONPATH": str(ROOT)}


@contextlib.contextmanager
def start_worker(contestant: Contestant, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker, until the context ends."""
    first, *rest = contestant.command
    silence: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = subprocess.Popen([str(contestant.bin / first), *rest], env=environment, cwd=ROOT, **silence)
    try:
        yield worker
    finally:
        end(worker, grace_s=5)


@contextlib.contextmanager
def core(which: int | None) -> Iterator[None]:
    """What is started inside stays on one core: 0 is the producer's and Redis's, -1 the worker's, None is any."""
    if which is None or sys.platform != "linux" or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        yield
        return
    os.sched_setaffinity(0, {cores[which]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)

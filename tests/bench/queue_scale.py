"""Several workers on one queue, with an engine that answers at once: what each adds, and when Redis is the limit."""

import contextlib
import statistics
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import psutil

from local.redis_server import RedisServer
from tests.bench.peers.queue.bell import PATH
from tests.bench.queue_contestants import CONTESTANTS, OURS, on_redis, start_worker, surroundings
from tests.bench.queue_cost import LIMITS
from tests.bench.rows import Row, row
from tests.bench.timing import Tell, in_turns, span
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.jobs import Job

WORKERS = (1, 2, 4, 8)
ROUNDS, JOBS = 3, 20_000
FIRST, LAST = 0.9, 0.1
"""Of the jobs: the clock runs while the queue shrinks from one share to the other, when every worker has started."""
LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Jobs/s of all workers together, and the share of a core that Redis used meanwhile (0 to 1)."""

    rate: float
    redis: float


def measure(tell: Tell) -> Sequence[Row]:
    """All numbers of workers in turns."""
    seen: dict[str, list[Pace]] = {str(count): [] for count in WORKERS}
    for number, name in in_turns(list(seen), ROUNDS):
        tell(f"round {number + 1} of {ROUNDS}: {name} workers")
        seen[name].append(_pace(int(name)))
    return [one for name, paces in seen.items() for one in _rows(name, paces, seen)]


def _pace(workers: int) -> Pace:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RedisServer())
        link = stack.enter_context(contextlib.closing(RedisLink(server.host, server.port, timeout_s=5)))
        admissions = RedisAdmissions(link, LIMITS)
        for _ in range(JOBS):
            job_id = str(uuid.uuid4())
            admissions.admit(Job(id=job_id, prompt="0", idle=5, reply_s3="", ts=0, sub="sub-bench"))
        place = stack.enter_context(TemporaryDirectory())
        environment = surroundings(on_redis(server), place)
        del environment[PATH]  # nobody listens
        for _ in range(workers):
            stack.enter_context(start_worker(CONTESTANTS[OURS], environment))
        return _watch(link, psutil.Process(server.process.pid))


def _watch(link: RedisLink, redis: psutil.Process) -> Pace:
    _until(link, FIRST)
    left, started, cpu = int(link.ask("XLEN", "jobs")), time.monotonic(), _cpu_s(redis)
    _until(link, LAST)
    taken = time.monotonic() - started
    return Pace((left - int(link.ask("XLEN", "jobs"))) / taken, (_cpu_s(redis) - cpu) / taken)


def _until(link: RedisLink, share: float) -> None:
    end = time.monotonic() + LONGEST_S
    while int(link.ask("XLEN", "jobs")) > share * JOBS:
        if time.monotonic() > end:
            raise RuntimeError("the workers do not get on")
        time.sleep(0.01)


def _cpu_s(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def _rows(name: str, paces: Sequence[Pace], seen: Mapping[str, Sequence[Pace]]) -> list[Row]:
    what = "worker" if name == "1" else "workers"
    alone = statistics.median(pace.rate for pace in seen["1"])
    rates = [pace.rate for pace in paces]
    redis = statistics.median(pace.redis for pace in paces) * 100
    return [
        row(
            f"queue: jobs/s of {name} {what}, one worker",
            statistics.median(rates),
            alone,
            "jobs/s",
            spread=span(rates, 0),
        ),
        row(f"queue: Redis's share of a core under {name} {what}", redis, None, "%"),
    ]

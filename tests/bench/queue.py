"""The queue beside other queues on the same Redis: how soon a handler starts, and how many do in a second.

Redis, producer and worker are where the kernel puts them, as they are for whoever just starts them (ADR 72). Jobs per
second are measured besides with a core for Redis and the producer and another for the worker, which suits the peers
best: threads that share an interpreter lock are half as fast on two cores as on one. Every turn starts a worker and a
producer on an empty Redis; a peer that cannot be installed here has no rows.
"""

import contextlib
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

from local.redis_server import RedisServer
from tests.bench import queue_cost, queue_scale
from tests.bench.queue_contestants import CONTESTANTS, FLOOR, OURS, core, on_redis, playing, surroundings
from tests.bench.rows import Goal, Row, row
from tests.bench.table import err
from tests.bench.timing import Tell, in_turns, percentile, ratios, span
from tests.environments import UnavailableError, install
from tinyllama.adapters.redis_link import RedisLink

ROUNDS, BESIDE_FLOOR, STARTS = 5, 9, 9
"""The floor is so near to ours that five rounds of how soon a handler starts, among all others, do not tell."""
JOBS, PAUSE_S, WARM_UP = 200, 0.003, 50
"""Of a turn's look at how soon handlers start: the pause lets the worker come to rest."""
SECONDS = 1.0
_SOONER, _NEAR_FLOOR = Goal("ratio", "<=", 0.9), Goal("ratio", "<=", 1.5)
IN_FLIGHT: Mapping[int, Goal] = {
    1: Goal("ratio", ">=", 1.0),
    10: Goal("ratio", ">=", 2.0),
    50: Goal("ratio", ">=", 2.0),
}
PINNED = (10, 50)
"""Where many are in flight, threads hop between cores, if they may."""
_FIRST = """import time
start = time.process_time()
import {module} as queue
asked = queue.enqueue(0)
if asked is not None:
    import asyncio
    asyncio.run(asked)
print(time.process_time() - start)"""
"""A client's import alone says little: some import what they need when they are first used."""


@dataclass(slots=True)
class Seen:
    """A contestant's figures, of each round: µs of single jobs, jobs/s not pinned and pinned, CPU ms to the first job.

    `beside_floor` are single jobs again, in rounds that only ours and the floor take part in.
    """

    started: list[list[float]] = field(default_factory=list)
    rates: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in IN_FLIGHT})
    pinned: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in PINNED})
    first_ms: list[float] = field(default_factory=list)
    beside_floor: list[list[float]] = field(default_factory=list)


def measure(tell: Tell) -> Sequence[Row]:
    """Everybody in turns; then what only concerns ours."""
    seen = {name: Seen() for name in _present()}
    with contextlib.ExitStack() as servers:
        redis = servers.enter_context(RedisServer())
        with core(0):
            pinned = servers.enter_context(RedisServer())
        for number, name in in_turns(list(seen), ROUNDS):
            tell(f"round {number + 1} of {ROUNDS}: {name}")
            _turn(name, redis, seen[name])
            _pinned_turn(name, pinned, seen[name])
        for number, name in in_turns([name for name in (OURS, FLOOR) if name in seen], BESIDE_FLOOR):
            tell(f"beside the floor, round {number + 1} of {BESIDE_FLOOR}: {name}")
            seen[name].beside_floor.append(_started_in(name, redis))
        for _, name in in_turns([name for name in seen if name != FLOOR], STARTS):
            tell(f"first job of {name}")
            seen[name].first_ms.append(_first_ms(name, redis))
    return [*_rows(seen), *queue_cost.measure(tell), *queue_scale.measure(tell)]


def _present() -> list[str]:
    """Whose environment is there or can be made; of the others we say why they are left out."""
    names = []
    for name, contestant in CONTESTANTS.items():
        try:
            if contestant.environment:
                install(contestant.environment)
            names.append(name)
        except UnavailableError as error:
            err.print(f"queue: {name} is SKIPPED: {error}")
    return names


def _turn(name: str, server: RedisServer, seen: Seen) -> None:
    _empty(server)
    with playing(CONTESTANTS[name], on_redis(server), pinned=False) as producer:
        producer.latency(WARM_UP, 0.0)
        seen.started.append(producer.latency(JOBS, PAUSE_S))
        for count, rates in seen.rates.items():
            rates.append(producer.rate(count, SECONDS))


def _started_in(name: str, server: RedisServer) -> list[float]:
    _empty(server)
    with playing(CONTESTANTS[name], on_redis(server), pinned=False) as producer:
        producer.latency(WARM_UP, 0.0)
        return producer.latency(JOBS, PAUSE_S)


def _pinned_turn(name: str, server: RedisServer, seen: Seen) -> None:
    _empty(server)
    with playing(CONTESTANTS[name], on_redis(server), pinned=True) as producer:
        producer.latency(WARM_UP, 0.0)
        for count, rates in seen.pinned.items():
            rates.append(producer.rate(count, SECONDS))


def _empty(server: RedisServer) -> None:
    with contextlib.closing(RedisLink(server.host, server.port, timeout_s=5)) as link:
        link.ask("FLUSHALL")


def _first_ms(name: str, server: RedisServer) -> float:
    _empty(server)
    contestant = CONTESTANTS[name]
    with TemporaryDirectory() as place:
        words = [str(contestant.bin / "python"), "-c", _FIRST.format(module=contestant.module)]
        environment = {**surroundings(on_redis(server), place), **contestant.settings}
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout) * 1000


def _rows(seen: Mapping[str, Seen]) -> list[Row]:
    ours, others = seen[OURS], {name: other for name, other in seen.items() if name != OURS}
    found = []
    for name, other in others.items():
        found += [_started(ours, name, other, percent) for percent in (50, 95)]
    for count in IN_FLIGHT:
        found += [_rate(ours, name, other, count) for name, other in others.items()]
    for count in PINNED:
        found += [_pinned_rate(ours, name, other, count) for name, other in others.items()]
    return [*found, *(_first(ours, name, other) for name, other in others.items() if name != FLOOR)]


def _started(ours: Seen, name: str, other: Seen, percent: int) -> Row:
    near = name == FLOOR
    mine, theirs = (one.beside_floor if near else one.started for one in (ours, other))
    figures = percentile(mine, percent), percentile(theirs, percent)
    goal = None if percent != 50 else _NEAR_FLOOR if near else _SOONER
    spread = span(ratios(mine, theirs, percent))
    return row(f"queue: enqueue to handler start p{percent}, {name}", *figures, "µs", goal=goal, spread=spread)


def _rate(ours: Seen, name: str, other: Seen, count: int) -> Row:
    goal = None if name == FLOOR else IN_FLIGHT[count]  # one job at a time, without a promise: nobody's queue
    return _rate_row(f"{count} in flight, {name}", ours.rates[count], other.rates[count], goal)


def _pinned_rate(ours: Seen, name: str, other: Seen, count: int) -> Row:
    return _rate_row(f"{count} in flight, pinned, {name}", ours.pinned[count], other.pinned[count], goal=None)


def _rate_row(what: str, mine: Sequence[float], theirs: Sequence[float], goal: Goal | None) -> Row:
    spread = span([one / another for one, another in zip(mine, theirs, strict=True)])
    figures = statistics.median(mine), statistics.median(theirs)
    return row(f"queue: jobs/s with {what}", *figures, "jobs/s", goal=goal, spread=spread)


def _first(ours: Seen, name: str, other: Seen) -> Row:
    figures = statistics.median(ours.first_ms), statistics.median(other.first_ms)
    goal = Goal("ratio", "<=", 1.0)
    return row(f"queue: client from its import to its first job queued, {name}", *figures, "CPU ms", goal=goal)

"""Tokens per second and the first token through Redis and a worker, beside the same engine called directly."""

import itertools
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import psutil

from local.engine import MODEL
from tests.bench.engine_calls import Ask, Direct
from tests.bench.neighbours import watch
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, in_turns, span
from tests.bench.worker_world import engine, worker

PART = "worker_engine"
ROUNDS, AT_ONCE = 8, (1, 4, 8)
FIRST_ROUNDS, FIRST_TOKENS = 20, "4"
DISTURBED = 0.08
"""A share of the processor taken by others above which a goal is not judged."""
WORKER, DIRECT = "through the worker", "directly"
LENGTH = {"MAX_TOKENS": "256", "TEMPERATURE": "0"}
_SPEED, _FIRST = Goal("ratio", ">=", 0.97), Goal("ours", "<=", 5.0)
_THEMES = ("a lighthouse", "a steam engine", "a river", "a bridge", "a violin", "a desert", "a harbour", "a loom")


def measure(tell: Tell) -> Sequence[Row]:
    """With the embedded engine and its four slots: of eight at once, four wait, here as there."""
    with engine() as url:
        return rows(url, MODEL, tell, part=PART, slots=4, at_once=AT_ONCE)


def rows(url: str, model: str, tell: Tell, *, part: str, slots: int, at_once: Sequence[int]) -> list[Row]:
    """The rows of an engine that is there already."""
    with worker(url, model, LENGTH, slots=slots) as through:
        ways = {WORKER: through.ask, DIRECT: Direct(url, model, LENGTH).ask}
        speeds = [_speed_row(part, number, min(ROUNDS, ROUNDS * slots // number), ways, tell) for number in at_once]
    short = {**LENGTH, "MAX_TOKENS": FIRST_TOKENS}
    with worker(url, model, short, slots=slots) as through:
        first = _first_row(part, {WORKER: through.ask, DIRECT: Direct(url, model, short).ask}, tell)
    return [*speeds, first]


def _prompts() -> Iterator[str]:
    """Never the same twice: the engine would remember it."""
    for number, theme in enumerate(itertools.cycle(_THEMES)):
        yield f"{number}. Write a long story about {theme} and the people who depend on it."


def _speed_row(part: str, at_once: int, rounds: int, ways: Mapping[str, Ask], tell: Tell) -> Row:
    """Wall clock from the first job to the last token of the slowest; the first round is warm-up.

    A round of more than there are slots takes longer: fewer of them measure for as long.
    """
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    prompts, others = _prompts(), watch(psutil.Process(os.getpid()))
    for number, name in in_turns(list(ways), rounds + 1):
        tell(f"{at_once} at once, round {number} of {rounds}: {name}")
        speeds[name].append(_speed(ways[name], [next(prompts) for _ in range(at_once)]))
    ours, theirs = speeds[WORKER][1:], speeds[DIRECT][1:]
    share = others()
    spread = f"{span([mine / other for mine, other in zip(ours, theirs, strict=True)])}, others {share:.0%}"
    medians = statistics.median(ours), statistics.median(theirs)
    name = f"{part}: {at_once} at once, engine called directly"
    return row(name, *medians, "tokens/s", goal=_SPEED, sound=share <= DISTURBED, spread=spread)


def _speed(ask: Ask, prompts: Sequence[str]) -> float:
    with ThreadPoolExecutor(len(prompts)) as threads:
        started = time.perf_counter()
        replies = list(threads.map(ask, prompts))
        took = time.perf_counter() - started
    return sum(reply.count() for reply in replies) / took


def _first_row(part: str, ways: Mapping[str, Ask], tell: Tell) -> Row:
    """Milliseconds from the admission until the first text is where users find it, beyond the engine's own."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    prompts, others = _prompts(), watch(psutil.Process(os.getpid()))
    for number, name in in_turns(list(ways), FIRST_ROUNDS + 2):
        tell(f"first token, round {number} of {FIRST_ROUNDS}: {name}")
        taken[name].append(ways[name](next(prompts)).first_s * 1000)
    ours, theirs = (statistics.median(taken[name][2:]) for name in (WORKER, DIRECT))
    share = others()
    spread = f"{ours:.1f} and {theirs:.1f} ms, others {share:.0%}"
    return row(
        f"{part}: first token, added", ours - theirs, None, "ms", goal=_FIRST, sound=share <= DISTURBED, spread=spread
    )

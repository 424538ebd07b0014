"""Tokens per second and the first token through Redis and a worker, beside the same engine called directly."""

import itertools
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence

import psutil

from local.engine import MODEL
from tests.bench.batches import DISTURBED, Course, run, speed_rows
from tests.bench.engine_calls import Ask, Direct
from tests.bench.neighbours import watch
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, in_turns
from tests.bench.worker_world import engine, worker

PART = "worker_engine"
ROUNDS, FEWER_ROUNDS, AT_ONCE = 8, 6, (1, 4, 8)
FIRST_ROUNDS, FIRST_TOKENS = 20, "4"
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
        speeds = [speed for number in at_once for speed in _speed_rows(part, number, slots, ways, tell)]
    short = {**LENGTH, "MAX_TOKENS": FIRST_TOKENS}
    with worker(url, model, short, slots=slots) as through:
        first = _first_row(part, {WORKER: through.ask, DIRECT: Direct(url, model, short).ask}, tell)
    return [*speeds, first]


def _prompts() -> Iterator[str]:
    """Never the same twice: the engine would remember it."""
    for number, theme in enumerate(itertools.cycle(_THEMES)):
        yield f"{number}. Write a long story about {theme} and the people who depend on it."


def _speed_rows(part: str, at_once: int, slots: int, ways: Mapping[str, Ask], tell: Tell) -> list[Row]:
    """A round of more than there are slots takes longer: fewer of them measure for as long."""
    rounds, themes = (ROUNDS if at_once <= slots else FEWER_ROUNDS), _prompts()
    course = Course(
        at_once=at_once,
        rounds=rounds,
        most=2 * rounds,
        family=psutil.Process(os.getpid()),
        prompts=lambda number: list(itertools.islice(themes, number)),
    )
    found = run(ways, course, tell)
    return speed_rows(f"{part}: {at_once} at once", found[WORKER], found[DIRECT], _SPEED)


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

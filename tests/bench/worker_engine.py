"""Tokens per second and the first token through Redis and a worker, beside the same engine called directly."""

import itertools
import math
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence

import psutil

from local.engine import MODEL
from tests.bench.batches import DISTURBED, Course, longer, run, speed_rows
from tests.bench.engine_calls import Ask, Direct
from tests.bench.neighbours import watch
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, decided, in_turns
from tests.bench.worker_world import engine, worker

PART = "worker_engine"
AT_ONCE = (1, 4, 8)
ROUNDS_ALONE, ROUNDS, ROUNDS_IN_LINE = 16, 8, 6
FIRST_ROUNDS, FIRST_TOKENS = 100, "4"
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
    """A round of many takes longer: fewer of them measure for as long."""
    rounds, themes = (ROUNDS_ALONE if at_once == 1 else ROUNDS if at_once <= slots else ROUNDS_IN_LINE), _prompts()
    course = Course(
        at_once=at_once,
        rounds=rounds,
        family=psutil.Process(os.getpid()),
        prompts=lambda number: list(itertools.islice(themes, number)),
    )
    found = run(ways, course, tell)
    return speed_rows(f"{part}: {at_once} at once", found[WORKER], found[DIRECT], _SPEED)


def _first_row(part: str, ways: Mapping[str, Ask], tell: Tell) -> Row:
    """Milliseconds from the admission until the first text is where users find it, beyond the engine's own.

    Always the same prompt, which the engine remembers: to read a new one takes it eight times as long, give or take
    more than what is looked for.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    prompt, others, rounds = next(_prompts()), watch(psutil.Process(os.getpid())), FIRST_ROUNDS * longer()
    for number, name in in_turns(list(ways), rounds + 2):
        tell(f"first token, round {number} of {rounds}: {name}")
        taken[name].append(ways[name](prompt).first_s * 1000)
    ours, theirs = taken[WORKER][2:], taken[DIRECT][2:]
    added = sorted(mine - other for mine, other in zip(ours, theirs, strict=True))
    share = others()
    return row(
        f"{part}: first token, added, p50",
        statistics.median(added),
        None,
        "ms",
        goal=_FIRST,
        # On which side they are, not how far: a median does not mind the few that were held up.
        sound=share <= DISTURBED and decided([math.copysign(1, one - _FIRST.bound) for one in added]),
        spread=f"{added[rounds // 4]:.1f} to {added[3 * rounds // 4]:.1f} (half of {rounds}), others {share:.0%}",
    )

"""Tokens per second of two ways to one engine: batches of prompts in turns, what disturbed them, and what they show.

On a shared machine the speed of the engine itself wanders by a tenth from one batch to the next, so seconds alone
often cannot tell what a way costs. The engine keeps all cores busy: the share of the processor that it is left with
tells nearly the same, and does not wander.
"""

import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from tests.bench.engine_calls import Ask, engine_below
from tests.bench.neighbours import busy, watch
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, decided, in_turns, span, two_errors

DISTURBED = 0.08
"""A batch during which others took more of the processor than this tells more about them."""
FEWEST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """Tokens per second; the engine's processor seconds a second, when it is ours; the share that others took."""

    speed: float
    engine: float | None
    others: float


@dataclass(frozen=True, slots=True)
class Course:
    """What is measured: `at_once` prompts a batch, `rounds` good ones, among the processes below `family`.

    `before` each batch things are made alike, off the clock.
    """

    at_once: int
    rounds: int
    family: psutil.Process
    prompts: Callable[[int], Sequence[str]]
    before: Callable[[], object] = lambda: None


Batches = Mapping[str, Sequence[Batch]]


def longer() -> int:
    """How many times as many rounds as usual are wanted: LONGER in the environment.

    Raises:
        ValueError: when that is no whole number from 1.
    """
    said = os.environ.get("LONGER") or "1"
    if not (said.isascii() and said.isdigit() and int(said)):
        raise ValueError(f"LONGER={said} is no whole number from 1: how many times as many rounds as usual")
    return int(said)


def run(ways: Mapping[str, Ask], course: Course, tell: Tell) -> Batches:
    """The batches of each way, round by round; the first round is warm-up.

    Rounds that others disturbed are measured again, up to as many as were wanted. When too few are left, all count,
    and no goal is judged.
    """
    rounds: dict[int, dict[str, Batch]] = {}
    wanted = course.rounds * longer()
    for number, name in in_turns(list(ways), 2 * wanted + 1):
        good = len(_undisturbed(rounds))
        if good == wanted:
            break
        tell(f"{course.at_once} at once, {good} of {wanted} rounds undisturbed: {name}")
        course.before()
        rounds.setdefault(number, {})[name] = _batch(ways[name], course)
    kept = _undisturbed(rounds)
    if len(kept) < FEWEST_ROUNDS:
        kept = [found for number, found in rounds.items() if number and len(found) == len(ways)]
    return {name: [found[name] for found in kept] for name in ways}


def _undisturbed(rounds: Mapping[int, Mapping[str, Batch]]) -> list[Mapping[str, Batch]]:
    whole = [found for number, found in rounds.items() if number and len(found) > 1]
    return [found for found in whole if max(batch.others for batch in found.values()) <= DISTURBED]


def _batch(ask: Ask, course: Course) -> Batch:
    """Wall clock from the first prompt to the last token of the slowest."""
    prompts, engine = course.prompts(course.at_once), engine_below(course.family)
    others, generating = watch(course.family), busy(engine) if engine else None
    with ThreadPoolExecutor(course.at_once) as threads:
        started = time.perf_counter()
        replies = list(threads.map(ask, prompts))
        took = time.perf_counter() - started
    engine_s, share = generating() if generating else None, others()
    return Batch(sum(reply.count() for reply in replies) / took, None if engine_s is None else engine_s / took, share)


def speed_rows(what: str, ours: Sequence[Batch], theirs: Sequence[Batch], goal: Goal) -> list[Row]:
    """Tokens per second, judged only when the rounds agree; then, of our own engine, what it had of the machine."""
    others = max(batch.others for batch in (*ours, *theirs))
    mine, other = ([batch.speed for batch in batches] for batches in (ours, theirs))
    ratios = [one / another for one, another in zip(mine, other, strict=True)]
    logs = [math.log(ratio) for ratio in ratios]
    speed = row(
        f"{what}, engine called directly",
        *_means(mine, other),
        "tokens/s",
        goal=goal,
        sound=others <= DISTURBED and decided([log - math.log(goal.bound) for log in logs]),
        spread=f"{span(ratios)}, mean ±{two_errors(logs):.3f} of {len(logs)}, others up to {others:.0%}",
    )
    mine, other = ([batch.engine for batch in batches if batch.engine] for batches in (ours, theirs))
    if not mine or len(mine) != len(other):
        return [speed]
    left = row(
        f"{what}, processor time left to the engine",
        *_means(mine, other),
        "CPU s/s",
        spread=span([one / another for one, another in zip(mine, other, strict=True)], 3),
    )
    return [speed, left]


def _means(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Geometric means: their ratio is the mean of the rounds' ratios, in which what wanders slowly is no more."""
    return statistics.geometric_mean(ours), statistics.geometric_mean(theirs)

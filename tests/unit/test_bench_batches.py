"""Batches of prompts: which rounds count, and what may be concluded from them."""

import math
from collections.abc import Sequence

import psutil
import pytest

from tests.bench import batches
from tests.bench.batches import Batch, Course, run, speed_rows
from tests.bench.engine_calls import Generated
from tests.bench.rows import Goal
from tests.bench.timing import decided

GOAL = Goal("ratio", ">=", 0.95)


def batch(speed: float = 100.0, engine: float | None = None, others: float = 0.0) -> Batch:
    return Batch(speed, engine, others)


@pytest.mark.parametrize(
    ("values", "sure"),
    [
        ([0.9] * 8, True),
        ([1.0] * 8, True),
        ([0.9] + [1.0] * 7, False),
        ([0.9, 1.0] * 4, False),
        ([0.9] * 5, False),  # too few to be sure of anything
        ([0.9] * 6, True),
        ([0.9] * 2 + [1.0] * 10, True),
        ([0.9] * 3 + [1.0] * 9, False),
        ([0.94] * 3 + [1.0] * 9, True),  # how far off they are counts, too
        ([0.75] * 40 + [1.15] * 60, False),
        ([0.9] * 40 + [1.05] * 60, True),
    ],
)
def test_rounds_decide_when_they_would_hardly_ever_fall_so_by_chance(values: Sequence[float], sure: bool) -> None:
    assert decided([math.log(value / 0.95) for value in values]) is sure


def test_a_speed_is_judged_only_by_rounds_that_agree_and_the_engine_s_share_is_shown() -> None:
    ours = [batch(speed, 1.9) for speed in (80.0, 125.0) * 4]
    theirs = [batch(100.0, 1.95)] * 8
    speed, left = speed_rows("x", ours, theirs, GOAL)
    assert (speed.ratio, speed.met) == (1.0, None)
    assert (left.ratio, left.goal) == (0.9744, None)
    [slow] = speed_rows("x", [batch(80.0)] * 8, [batch()] * 8, GOAL)
    assert (slow.ratio, slow.met) == (0.8, False)


def test_nothing_is_judged_while_others_are_at_work() -> None:
    [speed] = speed_rows("x", [batch(others=0.09)] * 8, [batch()] * 8, GOAL)
    assert (speed.goal, speed.met) == (str(GOAL), None)


def test_a_round_that_others_disturbed_is_measured_again_and_the_first_is_warm_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shares = iter([0.0, 0.0, 0.0, 0.5, *[0.0] * 6])
    monkeypatch.setattr(batches, "watch", lambda _family: lambda: next(shares))
    asked: list[str] = []

    def ask(prompt: str) -> Generated:
        asked.append(prompt)
        return Generated(0.0, lambda: 10)

    course = Course(at_once=2, rounds=3, family=psutil.Process(), prompts=lambda number: ["again"] * number)
    found = run({"ours": ask, "theirs": ask}, course, lambda _: None)
    assert [len(of) for of in found.values()] == [3, 3]
    assert len(asked) == 5 * 2 * 2, "warm-up, a disturbed round and three good ones"
    assert all(one.engine is None and one.others == 0.0 for of in found.values() for one in of)

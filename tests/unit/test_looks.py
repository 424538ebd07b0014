"""How often a client looks at the jobs it follows: soon enough, and never more often than the API allows."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.looks import FOLLOW_POLICY, LONGEST_S, SHARE, SHORTEST_S, Beat, Share, looks_in, pause_s
from tinyllama.domain.throttle import POLL_POLICY, Bucket, spend

AGES = st.floats(0, 3_600)
SPENT_MS = st.lists(st.integers(0, 3_000), max_size=150)


@given(age=AGES, later=AGES)
def test_a_pause_never_shrinks_while_a_stage_grows_older(age: float, later: float) -> None:
    assert pause_s(age) <= pause_s(age + later)


@given(age=AGES)
def test_an_end_is_seen_at_most_a_share_of_its_stage_too_late(age: float) -> None:
    assert SHORTEST_S <= pause_s(age) <= LONGEST_S
    assert pause_s(age) <= max(SHORTEST_S, SHARE * age)


@given(took=st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_what_a_look_takes_is_part_of_the_pause_and_is_not_made_up_for(took: Sequence[float]) -> None:
    began, beat = 0.0, Beat(0.0)
    for look_s in took:
        seen = began + look_s
        next_look = seen + beat.wait_s(seen, "running")
        assert seen <= next_look <= seen + pause_s(seen) + 1e-9
        assert next_look <= max(seen, began + pause_s(seen)) + 1e-9
        began = next_look


def test_a_new_stage_is_looked_at_as_often_as_a_young_one() -> None:
    beat = Beat(0.0)
    beat.wait_s(0.0, "queued")
    assert beat.wait_s(20.0, "queued") == 0  # late: the next look is due at once
    assert beat.wait_s(20.0, "queued") == pytest.approx(20 * SHARE)
    assert beat.wait_s(20.4, "running") == pytest.approx(SHORTEST_S)


@pytest.mark.parametrize(("stage_s", "looks"), [(0.0, 1), (0.1, 2), (3.2, 17), (7.4, 38), (19.0, 84)])
def test_the_looks_that_a_stage_takes_are_known_beforehand(stage_s: float, looks: int) -> None:
    assert looks_in(stage_s) == looks


@pytest.mark.parametrize(("stage_s", "looks"), [(0.0, 1), (0.5, 2), (3.2, 8), (7.4, 16), (19.0, 39)])
def test_a_text_takes_two_looks_a_second(stage_s: float, looks: int) -> None:
    assert looks_in(stage_s, writes=True) == looks


@given(gaps=SPENT_MS, others=SPENT_MS)
def test_however_many_jobs_a_client_follows_the_api_refuses_neither_its_looks_nor_what_else_it_asks(
    gaps: Sequence[int], others: Sequence[int]
) -> None:
    """`others` is the same user's remaining share: 20 requests at once, then two a second."""
    asked = sorted([(at, True) for at in _sums(gaps)] + [(at, False) for at in _sums(others)])
    left = POLL_POLICY.burst - FOLLOW_POLICY.burst
    share, server, credit, seen = Share(), None, left * 500, 0
    for at, is_look in asked:
        credit, seen = min(left * 500, credit + at - seen), at
        if is_look:
            if share.wait_s(at / 1000):
                continue
        elif credit < 500:
            continue
        else:
            credit -= 500
        server, allowed = spend(server, POLL_POLICY, at)
        assert allowed


def _sums(gaps: Sequence[int]) -> Sequence[int]:
    at, found = 0, list[int]()
    for gap in gaps:
        found += [at, at]  # two at once, too
        at += gap // 10
    return found


@given(followers=st.integers(1, 20), refused_ms=st.integers(0, 5_000))
def test_waiting_as_long_as_one_is_told_is_enough(followers: int, refused_ms: int) -> None:
    share, now = Share(), 1_000.0
    share.empty(now)
    now += refused_ms / 1000
    for _ in range(followers):
        wait_s = share.wait_s(now)
        if wait_s:
            now += wait_s + 0.001  # clocks of whole ms
            assert share.wait_s(now) == 0


def test_one_job_never_waits_for_its_share() -> None:
    beat, share, now = Beat(0.0), Share(), 0.0
    while now < 300:
        assert share.wait_s(now) == 0
        now += beat.wait_s(now, "running")


def test_a_refusal_empties_the_share() -> None:
    share = Share()
    assert share.wait_s(10.0) == 0
    share.empty(10.0)
    assert share.bucket == Bucket(0, 10_000)
    assert share.wait_s(10.0) == FOLLOW_POLICY.interval_ms / 1000

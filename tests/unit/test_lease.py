"""Until when a node may run: grants, renewals, the ceiling, and the rest after it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.adapters.memory_leases import MemoryLeases
from tinyllama.domain.errors import LeaseError
from tinyllama.domain.lease import DAY_S, SLACK_S, LeasePolicy, first_end, missing_end, renewed_end, rests_until
from tinyllama.domain.node import Node, NodeState
from worker.lease import LeaseKeeper
from worker.progress import Progress

T0 = 1_700_000_000.0
POLICY = LeasePolicy()
POLICIES = st.builds(LeasePolicy, st.integers(60, 20_000), st.integers(60, 100_000))
TIMES = st.floats(T0, T0 + 200_000)


@given(POLICIES, TIMES)
def test_the_first_lease_ends_within_its_length_and_the_ceiling(policy: LeasePolicy, booted_at: float) -> None:
    end = first_end(booted_at, policy)
    assert booted_at - 1 < end <= booted_at + min(policy.length_s, policy.ceiling_s)


@given(POLICIES, TIMES, st.lists(st.tuples(st.floats(0, 5_000), st.booleans()), max_size=80))
def test_whatever_happens_a_lease_never_ends_after_the_ceiling_and_is_never_shortened(
    policy: LeasePolicy, booted_at: float, steps: list[tuple[float, bool]]
) -> None:
    now, ends_at, progress_at = booted_at, first_end(booted_at, policy), None
    for seconds, works in steps:
        now += seconds
        progress_at = now if works else progress_at
        end = renewed_end(now=now, booted_at=booted_at, ends_at=ends_at, progress_at=progress_at, policy=policy)
        if end is not None:
            assert end > ends_at
            ends_at = end
        assert ends_at <= booted_at + policy.ceiling_s
        assert ends_at <= max(now, booted_at) + policy.length_s + seconds


@given(POLICIES, TIMES, TIMES, TIMES)
def test_without_progress_nothing_is_ever_renewed(
    policy: LeasePolicy, now: float, booted_at: float, ends_at: float
) -> None:
    for progress_at in (None, now - policy.length_s / 2, now - 1e6, now + 1, now + 1e6):
        assert (
            renewed_end(now=now, booted_at=booted_at, ends_at=ends_at, progress_at=progress_at, policy=policy) is None
        )


@pytest.mark.parametrize(
    ("now", "ends_at", "progress_at", "end"),
    [
        (1_799, 3_600, 1_700, None),  # more than half is left
        (1_801, 3_600, 1_700, 5_401),
        (1_801, 3_600, 2, 5_401),
        (1_801, 3_600, 0, None),  # the longest idle window has passed
        (3_700, 3_600, 3_699, 7_300),  # late, but the schedule has not fired yet
        (9_000, 10_000, 8_999, 10_800),  # up to the ceiling
        (10_700, 10_800, 10_699, None),  # and no further
    ],
)
def test_a_lease_is_renewed_when_less_than_half_is_left_and_something_was_done(
    now: float, ends_at: float, progress_at: float, end: int | None
) -> None:
    assert renewed_end(now=now, booted_at=0, ends_at=ends_at, progress_at=progress_at, policy=POLICY) == end


@given(POLICIES, TIMES, TIMES)
def test_a_node_found_without_a_lease_gets_one_that_can_still_fire(
    policy: LeasePolicy, now: float, booted_at: float
) -> None:
    end = missing_end(now=now, booted_at=booted_at, policy=policy)
    assert end >= now + SLACK_S
    assert end <= max(now + SLACK_S + 1, booted_at + policy.ceiling_s)


def stopped(ran_s: float | None) -> Node:
    return Node("i-1", NodeState.STOPPED, "t3.small", T0, None if ran_s is None else T0 + ran_s)


@pytest.mark.parametrize("ran_s", [None, 0, 3_600, 10_600])
def test_a_node_that_ran_for_less_than_its_ceiling_may_start_at_once(ran_s: float | None) -> None:
    assert rests_until(stopped(ran_s), POLICY) is None


@pytest.mark.parametrize("ran_s", [10_780, 10_800, 10_861, 50_000])
def test_a_run_up_to_the_ceiling_uses_up_the_day(ran_s: float) -> None:
    assert rests_until(stopped(ran_s), POLICY) == T0 + DAY_S


def test_so_does_a_run_that_nothing_but_the_node_itself_could_end() -> None:
    assert rests_until(replace(stopped(None), stopped_itself=True), POLICY) == T0 + DAY_S


@given(POLICIES, st.floats(0, 200_000))
def test_a_rest_is_over_a_day_after_the_start_at_the_latest(policy: LeasePolicy, ran_s: float) -> None:
    rest = rests_until(stopped(ran_s), policy)
    assert rest is None or rest <= T0 + DAY_S


class Keeping:
    """A node's lease in memory, and its keeper on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = T0
        self.leases, self.progress = MemoryLeases(), Progress()
        self.keeper = LeaseKeeper(self.leases, "i-1", T0, self.progress, policy=POLICY, clock=lambda: self.now)

    def run(self, minutes: int, *, working: bool) -> None:
        for _ in range(minutes):
            self.now += 60
            self.progress.at = self.now if working else self.progress.at
            self.keeper.tick()

    @property
    def left_s(self) -> float:
        end = self.leases.ends_at("i-1")
        assert end is not None
        return end - self.now


class TestKeeper:
    def test_a_working_node_keeps_its_lease_with_few_calls_until_the_ceiling(self) -> None:
        it = Keeping()
        it.leases.grant("i-1", first_end(T0, POLICY))
        it.run(170, working=True)
        assert it.leases.ends_at("i-1") == T0 + POLICY.ceiling_s
        assert len(it.leases.granted) == 5, "at the start, each half hour, and up to the ceiling"

    def test_a_node_that_does_nothing_is_left_to_its_lease(self) -> None:
        it = Keeping()
        it.leases.grant("i-1", first_end(T0, POLICY))
        it.run(59, working=False)
        assert it.left_s == 60
        assert len(it.leases.granted) == 1

    def test_a_node_without_a_lease_is_given_one_whatever_it_does(self) -> None:
        it = Keeping()
        it.run(1, working=False)
        assert it.left_s == POLICY.length_s

    def test_past_the_ceiling_a_stop_that_was_refused_is_tried_again_soon(self) -> None:
        it = Keeping()
        it.now = T0 + POLICY.ceiling_s + 1_000
        it.keeper.tick()
        assert it.left_s == SLACK_S

    def test_a_scheduler_that_is_away_is_the_caller_s_to_deal_with(self) -> None:
        it = Keeping()
        it.leases.error = LeaseError("ThrottlingException", "slow down")
        with pytest.raises(LeaseError):
            it.keeper.tick()

"""The token bucket, and that Redis keeps the same one."""

from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.throttle import INFER_POLICY, Bucket, ThrottlePolicy, spend

POLICIES = st.builds(ThrottlePolicy, st.integers(1, 20), st.integers(1, 10_000))


def allowed_at(policy: ThrottlePolicy, times: list[int]) -> list[int]:
    """The times at which a request of the series was allowed."""
    bucket: Bucket | None = None
    passed = []
    for now in times:
        bucket, allowed = spend(bucket, policy, now)
        if allowed:
            passed.append(now)
    return passed


@given(POLICIES, st.lists(st.integers(0, 1_000_000), max_size=60).map(sorted))
def test_no_window_ever_lets_more_through_than_the_burst_and_the_rate(policy: ThrottlePolicy, times: list[int]) -> None:
    passed = allowed_at(policy, times)
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            span = passed[last] - start
            assert last - first + 1 <= policy.burst + span / policy.interval_ms


@given(POLICIES, st.lists(st.integers(0, 1_000_000), max_size=40))
def test_credit_stays_within_the_bucket_even_when_the_clock_jumps(policy: ThrottlePolicy, times: list[int]) -> None:
    bucket: Bucket | None = None
    for now in times:
        bucket, _ = spend(bucket, policy, now)
        assert 0 <= bucket.credit <= policy.capacity_ms


@given(POLICIES, st.integers(0, 1_000_000))
def test_who_keeps_to_the_rate_is_never_refused(policy: ThrottlePolicy, start: int) -> None:
    times = [start + number * policy.interval_ms for number in range(50)]
    assert allowed_at(policy, times) == times


def test_five_at_once_and_twenty_a_minute() -> None:
    assert allowed_at(INFER_POLICY, [0] * 10) == [0] * 5
    assert len(allowed_at(INFER_POLICY, list(range(0, 60_000, 100)))) == 5 + 19

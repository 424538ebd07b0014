"""The token bucket that every user spends from (API-003).

Credit is counted in whole milliseconds, one token being worth `interval_ms`, so that this policy and
its twin in `adapters/lua/throttle.lua` agree to the last unit: neither ever rounds.
"""

from dataclasses import dataclass
from enum import StrEnum


class Allowance(StrEnum):
    """What a request is spent from: a user has one bucket for prompts, and a looser one for everything else."""

    PROMPTS = "prompts"
    POLLS = "polls"


@dataclass(frozen=True, slots=True)
class ThrottlePolicy:
    """`burst` requests at once, then one every `interval_ms`."""

    burst: int
    interval_ms: int

    @property
    def capacity_ms(self) -> int:
        """The credit of a full bucket."""
        return self.burst * self.interval_ms


INFER_POLICY = ThrottlePolicy(burst=5, interval_ms=3_000)
"""Prompts: 5 at once, 20 a minute."""
POLL_POLICY = ThrottlePolicy(burst=60, interval_ms=100)
"""Everything else: a GUI that follows a job ten times a second is never refused, a loop without a pause is."""
RETRY_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class Bucket:
    """Credit in ms, as it was at `at` ms since the epoch."""

    credit: int
    at: int


def spend(bucket: Bucket | None, policy: ThrottlePolicy, now: int) -> tuple[Bucket, bool]:
    """Take one token at `now` (ms); returns the bucket afterwards and whether there was a token.

    A refused request costs nothing, and a clock that steps back neither gives nor takes credit.
    """
    if bucket is None:
        bucket = Bucket(policy.capacity_ms, now)
    at = max(bucket.at, now)
    credit = min(policy.capacity_ms, bucket.credit + at - bucket.at)
    allowed = credit >= policy.interval_ms
    return Bucket(credit - policy.interval_ms if allowed else credit, at), allowed

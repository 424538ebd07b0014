"""How often somebody who follows a job looks at it (docs/adr/0065, docs/adr/0068).

Times are in seconds of one clock that does not step back. A job's stage is what a look shows besides its text: that it
is queued, that it runs, that it writes. Once it writes, the API itself waits for its end (`GET /jobs/{id}?wait=`), so
that a look is only due when there is enough to read.
"""

from dataclasses import dataclass

from tinyllama.domain.throttle import Bucket, ThrottlePolicy, spend

SHORTEST_S, LONGEST_S = 0.2, 0.5
SHARE = 0.02
"""The end of a stage is seen at most this part of what the stage took too late, or `SHORTEST_S` of a short one."""
HELD_S = 0.5
"""How much later than it was written a piece of text may be shown. The end is seen at once."""
FOLLOW_POLICY = ThrottlePolicy(burst=40, interval_ms=125)
"""What one client follows all its jobs with: less than `POLL_POLICY` has, so that its other requests pass, too."""


def pause_s(age_s: float) -> float:
    """From one look to the next, when the job's stage is this old."""
    return min(max(age_s * SHARE, SHORTEST_S), LONGEST_S)


class Beat:
    """When to look at a job again, whatever a look takes."""

    def __init__(self, now: float) -> None:
        """The first look is due at once."""
        self._since = self._due = now
        self._stage: object = None

    def wait_s(self, now: float, stage: object, *, writes: bool = False) -> float:
        """After a look that showed `stage`: how long to wait. Looks that took too long are not made up for."""
        if stage != self._stage:
            self._stage, self._since = stage, now
        pause = HELD_S if writes else pause_s(now - self._since)
        self._due = max(self._due + pause, now)
        return self._due - now


def looks_in(stage_s: float, *, writes: bool = False) -> int:
    """The looks that a stage of this length takes, its first and the one that sees its end included."""
    beat, at, looks = Beat(0.0), 0.0, 1
    while at < stage_s:
        at += beat.wait_s(at, "", writes=writes)
        looks += 1
    return looks


@dataclass(slots=True)
class Share:
    """A client's own token bucket for looks, so that the API's never refuses it."""

    bucket: Bucket | None = None

    def wait_s(self, now: float) -> float:
        """Take a look's token: 0 when there was one, else how long to wait before asking again."""
        self.bucket, allowed = spend(self.bucket, FOLLOW_POLICY, int(now * 1000))
        return 0.0 if allowed else (FOLLOW_POLICY.interval_ms - self.bucket.credit) / 1000

    def empty(self, now: float) -> None:
        """The API has refused a look: somebody else spends from the same bucket."""
        self.bucket = Bucket(0, int(now * 1000))

"""What the API needs: its side of the queue, who is calling, and counters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what a port speaks of is imported by who has it: a cold start pays for every module
    from tinyllama.domain.jobs import Job, JobView
    from tinyllama.domain.metrics import Metric
    from tinyllama.domain.queue_health import Measurement
    from tinyllama.domain.throttle import Allowance


class AdmitCode(StrEnum):
    """How an admission ended."""

    ADMITTED = "admitted"
    RATE_LIMITED = "rate_limited"
    QUEUE_FULL = "queue_full"


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to `Admissions.admit`; of an admitted job, `worker_ready` tells of a live, non-draining worker."""

    code: AdmitCode
    worker_ready: bool


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """How many jobs are queued or in flight, and whether a live, non-draining worker exists."""

    depth: int
    worker_ready: bool


@dataclass(frozen=True, slots=True)
class Look:
    """The answer to `Admissions.look`.

    When `allowed` is false there was no token, and nothing was looked at. `view` is None when there is no such job or
    it belongs to somebody else; `worker_ready` is true when a live, non-draining worker exists.
    """

    allowed: bool
    view: JobView | None = None
    worker_ready: bool = False


class CancelCode(StrEnum):
    """How a cancellation ended."""

    CANCELLED = "cancelled"
    NOT_FOUND = "not_found"
    ALREADY_FINISHED = "already_finished"


class Admissions(Protocol):
    """The API's side of the queue. Every method raises `QueueUnavailableError` when the queue is away."""

    def admit(self, job: Job) -> Admission:
        """Spend a token of `job.sub` and queue the job, atomically: all of it or nothing but the token."""

    def spend(self, sub: str, allowance: Allowance) -> bool:
        """Spend a token for a request that admits nothing; false when there was none."""

    def withdraw(self, job_id: str) -> None:
        """Forget a job that cannot be served, as if it had never been admitted."""

    def look(self, job_id: str, sub: str, allowance: Allowance | None = None, *, wait_s: float = 0.0) -> Look:
        """The job as its owner sees it, for a token of `allowance` (without one, for nothing), in one round trip.

        With `wait_s`, a job that runs is shown when it has ended, or as it is after so many seconds.
        """

    def cancel(self, job_id: str, sub: str) -> CancelCode:
        """Cancel the job if it is the caller's and not finished; generation stops at the worker's next sign of life."""

    def snapshot(self) -> QueueSnapshot:
        """Depth and readiness, in one round trip."""


class QueueProbe(Protocol):
    """Looks at the queue from outside."""

    def measure(self) -> Measurement:
        """One round trip. Does not raise: the error is part of the measurement."""


class Throttle(Protocol):
    """A user's allowance where the queue cannot keep it."""

    def spend(self, sub: str, allowance: Allowance) -> bool:
        """Spend a token; false when there was none."""


class DrainGate(Protocol):
    """Closes the queue's door in front of a node that is about to stop."""

    def close(self, sub: str | None = None) -> bool:
        """Close the door if no job is queued or in flight, atomically with the check.

        From then on admissions see no ready worker, until `open` or 120 s later. The jobs of `sub`,
        if given, do not count and are cancelled. Returns whether the door was closed.
        """

    def busy(self, sub: str) -> bool:
        """Whether a job of anybody but `sub` is queued or in flight; changes nothing."""

    def open(self) -> None:
        """Open the door again: the stop failed, or the node is back."""


class Metrics(Protocol):
    """Counters, collected during a request and written once."""

    def count(self, metric: Metric, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user: the Cognito `sub` and the groups."""

    sub: str
    groups: frozenset[str] = frozenset()


class TokenVerifier(Protocol):
    """Decides who is calling."""

    def verify(self, authorization: str | None) -> Principal:
        """Verify an `Authorization` header value.

        Raises:
            ApiError: `missing_token`, `invalid_token`, or `keys_unavailable`.
        """

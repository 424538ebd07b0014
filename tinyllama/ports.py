"""What the platform needs from the outside, one small protocol per thing.

The queue is two protocols, since its two sides have nothing in common: the API admits and looks
(synchronously, in a Lambda), the worker claims and settles (asynchronously, many jobs at once).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what a port speaks of is imported by who has it: a cold start pays for every module
    from tinyllama.domain.automation import Execution, ExecutionSummary
    from tinyllama.domain.jobs import Job, JobStatus, JobView
    from tinyllama.domain.metrics import Metric
    from tinyllama.domain.node import Node
    from tinyllama.domain.queue_health import Measurement
    from tinyllama.domain.replies import Reply, Usage
    from tinyllama.domain.resize import NodeFacts
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

    def look(self, job_id: str, sub: str, allowance: Allowance | None = None) -> Look:
        """The job as its owner sees it, for a token of `allowance` (without one, for nothing), in one round trip."""

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


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker. `attempt` is the fence: a later claim of the job has a higher one."""

    job: Job
    attempt: int
    receipt: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that has used up its attempts, and why the last one failed.

    It is still held: the worker looks whether an attempt left a reply, and then ends it by `settle`.
    """

    claim: Claim
    reason: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a call for work brought: jobs to run, and jobs to bury."""

    run: Sequence[Claim] = ()
    dead: Sequence[DeadLetter] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.run or self.dead)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt."""

    status: JobStatus
    text: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker says of itself; a worker that is not `ready` does not count as one."""

    name: str
    model: str
    slots: int
    busy: int
    ready: bool


class Dispatch(Protocol):
    """The worker's side of the queue. Every method raises `QueueUnavailableError` when the queue is away."""

    async def claim(self, limit: int, *, wait_s: float) -> Claims:
        """Take up to `limit` new jobs, waiting up to `wait_s` for the first."""

    async def reclaim(self, limit: int) -> Claims:
        """Take over up to `limit` jobs whose lease ran out."""

    async def renew(self, claims: Iterable[tuple[Claim, str]]) -> frozenset[str]:
        """Renew leases and publish partial texts; an empty one leaves the text that was published before.

        Returns the ids of the jobs still held; the others were cancelled, lost to another worker, or expired.
        """

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        """End the job; false when the claim was no longer held, in which case nothing changed.

        A job that ends `failed` leaves a dead letter.
        """

    async def give_back(self, claim: Claim, *, failure: str | None) -> JobStatus | None:
        """Queue the job again: after a failed attempt (`failure` says why), or unworked (None), which costs no attempt.

        Returns `queued`; None when the claim was lost; or `failed` when the attempts are used up: then the claim is
        still held, as that of a dead letter is, and whoever finds it after us learns the same reason.
        """

    async def announce(self, heartbeat: Heartbeat) -> None:
        """Say that the worker is alive. The first one to be ready after a start ends the boot (`BootTimes`)."""

    async def retire(self, name: str) -> None:
        """Say that the worker is gone."""

    async def open(self) -> None:
        """Open the door that a drain closed: this node is back. Creates what the queue needs."""

    async def close(self) -> None:
        """Let go of connections."""


class NodeControl(Protocol):
    """EC2, as far as our nodes need it. Every method raises `NodeError` with the AWS code."""

    def nodes(self) -> Sequence[Node]:
        """All instances with our tags, terminated ones too."""

    def start(self, node_id: str) -> bool:
        """Start the node; false when it had been started already."""

    def stop(self, node_id: str) -> None:
        """Stop the node; a no-op when it is stopped or stopping."""

    def set_type(self, node_id: str, instance_type: str) -> None:
        """Change the instance type of a stopped node."""


class NodeShapes(Protocol):
    """What decides whether a node can take another type. Every method raises `NodeError` with the AWS code."""

    def facts(self, node_id: str) -> NodeFacts:
        """Look the node up."""

    def architectures(self, instance_type: str) -> frozenset[str]:
        """The CPU architectures of an instance type; `InvalidInstanceType` when the region has no such type."""

    def offered(self, instance_type: str, zone: str) -> bool:
        """Whether the availability zone has the instance type at all."""


class Leases(Protocol):
    """Who stops a node when nobody of ours can: outside the node, and outside our functions.

    A node has at most one lease. It outlives a stop, which does no harm: what it will stop is stopped, or runs
    under the lease that replaced it. Every method raises `LeaseError`.
    """

    def grant(self, node_id: str, until: int) -> None:
        """Have the node stopped at `until` (seconds since the epoch), instead of whenever it was to be before."""

    def ends_at(self, node_id: str) -> int | None:
        """When the node will be stopped, in seconds since the epoch; None when it has no lease."""


class Automation(Protocol):
    """Automation documents of Systems Manager. Every method raises `AutomationError` with the AWS code."""

    def start(self, document: str, parameters: Mapping[str, str], token: str) -> str:
        """Start an execution, and return its id; an empty parameter is left to its default.

        The same `token` (a UUID) starts one execution, however often it is sent; with other parameters it is refused.
        """

    def execution(self, execution_id: str) -> Execution | None:
        """The execution with its steps; None when there is none with that id."""

    def recent(self, document: str) -> Sequence[ExecutionSummary]:
        """The last executions of a document, newest first."""

    def stop(self, execution_id: str) -> None:
        """Cancel an execution; the step under way ends, nothing is put back."""


class BootTimes(Protocol):
    """How long recent cold boots took. Every method raises `QueueUnavailableError` when the queue is away.

    The first worker that is ready afterwards (`Dispatch.announce`) ends the measurement.
    """

    def begin(self) -> None:
        """Note that a node has just been started."""

    def recent(self) -> Sequence[float]:
        """The last boots, in seconds from the start to a ready worker; implausible ones are left out."""


class ShapedNodes(NodeControl, NodeShapes, Protocol):
    """Nodes that can be resized."""


class ReplyStore(Protocol):
    """Where replies are kept for good. Every method raises `ReplyStoreError` when the store is away."""

    async def put(self, reply: Reply) -> Reply:
        """Write the reply unless there is one; returns the reply that stands, which may be an earlier attempt's."""


class Metrics(Protocol):
    """Counters, collected during a request and written once."""

    def count(self, metric: Metric, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user: the Cognito `sub` and the groups."""

    sub: str
    groups: frozenset[str] = field(default_factory=frozenset)


class TokenVerifier(Protocol):
    """Decides who is calling."""

    def verify(self, authorization: str | None) -> Principal:
        """Verify an `Authorization` header value.

        Raises:
            ApiError: `missing_token`, `invalid_token`, or `keys_unavailable`.
        """


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of generated text; the last one carries the usage."""

    text: str = ""
    usage: Usage | None = None


class Engine(Protocol):
    """An inference engine."""

    @property
    def model(self) -> str:
        """The name of the model it serves."""

    async def healthy(self) -> bool:
        """Whether it would serve a request now."""

    def generate(self, prompt: str) -> AsyncIterator[Chunk]:
        """Generate a reply piece by piece. Raises `EngineError`."""

    async def close(self) -> None:
        """Let go of connections."""

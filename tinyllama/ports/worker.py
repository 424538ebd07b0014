"""What the worker needs: its side of the queue, an engine, and a place for replies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what a port speaks of is imported by who has it: a cold start pays for every module
    from tinyllama.domain.jobs import Job, JobStatus
    from tinyllama.domain.replies import Reply, Usage


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


class ReplyStore(Protocol):
    """Where replies are kept for good. Every method raises `ReplyStoreError` when the store is away."""

    async def put(self, reply: Reply) -> Reply:
        """Write the reply unless there is one; returns the reply that stands, which may be an earlier attempt's."""


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

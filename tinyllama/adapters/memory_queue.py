"""The queue in memory: for tests that are not about Redis, and the reference that Redis is held against.

One `MemoryQueue` holds the jobs; the classes below it are its sides.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tinyllama.adapters.looking import look_until_ended
from tinyllama.domain.boots import BOOTS_KEPT, plausible
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.limits import DRAIN_TTL_S, HEARTBEAT_TTL_S, DispatchLimits, QueueLimits
from tinyllama.domain.throttle import Allowance, Bucket, spend
from tinyllama.ports import (
    Admission,
    AdmitCode,
    CancelCode,
    Claim,
    Claims,
    DeadLetter,
    Heartbeat,
    Look,
    Outcome,
    QueueSnapshot,
)

_LOOK_EVERY_S = 0.01


@dataclass(slots=True)
class _Record:
    job: Job
    expires_at: float
    place: int
    status: JobStatus = JobStatus.QUEUED
    attempts: int = 0
    tries: int = 0
    leased_until: float | None = None
    partial: str = ""
    text: str = ""
    error: str | None = None
    reason: str = ""


class MemoryQueue:
    """The jobs, the workers and the door. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.records: dict[str, _Record] = {}
        self.workers: dict[str, float] = {}
        self.buckets: dict[tuple[str, Allowance], Bucket] = {}
        self.closed_until = 0.0
        self.woken_at: float | None = None
        self.boots_s: list[float] = []
        self.arrival = asyncio.Event()
        self._places = itertools.count()

    def next_place(self) -> int:
        """A place behind all others."""
        return next(self._places)

    def live(self) -> list[_Record]:
        """Jobs queued or in flight, in order; what has outlived its time is expired first."""
        for record in self.records.values():
            if not record.status.final and record.expires_at <= self.clock():
                record.status = JobStatus.EXPIRED
        open_jobs = (record for record in self.records.values() if not record.status.final)
        return sorted(open_jobs, key=lambda record: record.place)

    def worker_ready(self) -> bool:
        """Whether a live, non-draining worker exists."""
        now = self.clock()
        return self.closed_until <= now and any(until > now for until in self.workers.values())


class MemoryAdmissions:
    """`Admissions` in memory."""

    def __init__(self, queue: MemoryQueue, limits: QueueLimits | None = None) -> None:
        self._queue = queue
        self._limits = limits or QueueLimits()

    def admit(self, job: Job) -> Admission:
        queue, ready = self._queue, self._queue.worker_ready()
        if not self.spend(job.sub, Allowance.PROMPTS):
            return Admission(AdmitCode.RATE_LIMITED, ready)
        if len(queue.live()) >= self._limits.max_queued:
            return Admission(AdmitCode.QUEUE_FULL, ready)
        expires_at = queue.clock() + self._limits.job_ttl_s
        queue.records[job.id] = _Record(job, expires_at, queue.next_place())
        queue.arrival.set()
        return Admission(AdmitCode.ADMITTED, ready)

    def spend(self, sub: str, allowance: Allowance) -> bool:
        now, policy, key = round(self._queue.clock() * 1000), self._limits.policy(allowance), (sub, allowance)
        self._queue.buckets[key], allowed = spend(self._queue.buckets.get(key), policy, now)
        return allowed

    def withdraw(self, job_id: str) -> None:
        self._queue.records.pop(job_id, None)

    def look(self, job_id: str, sub: str, allowance: Allowance | None = None, *, wait_s: float = 0.0) -> Look:
        if allowance and not self.spend(sub, allowance):
            return Look(allowed=False)
        return look_until_ended(lambda: self._look(job_id, sub), wait_s, _LOOK_EVERY_S)

    def _look(self, job_id: str, sub: str) -> Look:
        self._queue.live()
        record, ready = self._queue.records.get(job_id), self._queue.worker_ready()
        if record is None or record.job.sub != sub:
            return Look(allowed=True, worker_ready=ready)
        view = JobView(
            status=record.status,
            text=record.text if record.status is JobStatus.DONE else None,
            partial=record.partial or None if record.status is JobStatus.RUNNING else None,
            error=record.error,
        )
        return Look(allowed=True, view=view, worker_ready=ready)

    def cancel(self, job_id: str, sub: str) -> CancelCode:
        self._queue.live()
        record = self._queue.records.get(job_id)
        if record is None or record.job.sub != sub:
            return CancelCode.NOT_FOUND
        if record.status.final and record.status is not JobStatus.CANCELLED:
            return CancelCode.ALREADY_FINISHED
        record.status = JobStatus.CANCELLED
        return CancelCode.CANCELLED

    def snapshot(self) -> QueueSnapshot:
        return QueueSnapshot(len(self._queue.live()), self._queue.worker_ready())


class MemoryDrainGate:
    """`DrainGate` in memory."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue

    def busy(self, sub: str | None = None) -> bool:
        return any(record.job.sub != sub for record in self._queue.live())

    def close(self, sub: str | None = None) -> bool:
        if self.busy(sub):
            return False
        for record in self._queue.live():
            record.status = JobStatus.CANCELLED
        self._queue.closed_until = self._queue.clock() + DRAIN_TTL_S
        return True

    def open(self) -> None:
        self._queue.closed_until = 0.0


class MemoryDispatch:
    """`Dispatch` in memory."""

    def __init__(self, queue: MemoryQueue, name: str, limits: DispatchLimits | None = None) -> None:
        self._queue = queue
        self._name = name
        self._limits = limits or DispatchLimits()

    async def open(self) -> None:
        self._queue.closed_until = 0.0

    async def close(self) -> None:
        pass

    async def claim(self, limit: int, *, wait_s: float) -> Claims:
        claims = self._take(self._waiting(), limit)
        if not claims and wait_s > 0:
            self._queue.arrival.clear()
            try:
                await asyncio.wait_for(self._queue.arrival.wait(), wait_s)
            except TimeoutError:
                return claims
            claims = self._take(self._waiting(), limit)
        return claims

    def _waiting(self) -> list[_Record]:
        return [record for record in self._queue.live() if record.status is JobStatus.QUEUED]

    async def reclaim(self, limit: int) -> Claims:
        now = self._queue.clock()
        silent = [it for it in self._queue.live() if it.leased_until is not None and it.leased_until <= now]
        return self._take(silent, limit)

    def _take(self, records: list[_Record], limit: int) -> Claims:
        run, dead = [], []
        for record in records[:limit]:
            record.status, record.partial = JobStatus.RUNNING, ""
            record.attempts += 1
            self._lease(record)
            claim = Claim(record.job, record.attempts, record.job.id)
            if record.tries >= self._limits.max_attempts:
                dead.append(DeadLetter(claim, record.reason or "worker_died"))
            else:
                run.append(claim)
            record.tries += 1
        return Claims(run, dead)

    def _lease(self, record: _Record) -> None:
        now = self._queue.clock()
        record.leased_until = now + self._limits.lease_s
        record.expires_at = now + self._limits.job_ttl_s

    def _held(self, claim: Claim) -> _Record | None:
        self._queue.live()
        record = self._queue.records.get(claim.job.id)
        held = record is not None and record.status is JobStatus.RUNNING and record.attempts == claim.attempt
        return record if held else None

    async def renew(self, claims: Iterable[tuple[Claim, str]]) -> frozenset[str]:
        kept = set()
        for claim, partial in claims:
            if record := self._held(claim):
                record.partial = partial or record.partial
                self._lease(record)
                kept.add(claim.job.id)
        return frozenset(kept)

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        record = self._held(claim)
        if record is None:
            return False
        record.status, record.text, record.error = outcome.status, outcome.text, outcome.error
        record.leased_until = None
        return True

    async def give_back(self, claim: Claim, *, failure: str | None) -> JobStatus | None:
        record = self._held(claim)
        if record is None:
            return None
        if failure is None:
            record.tries -= 1
        elif record.tries >= self._limits.max_attempts:
            record.reason = failure
            return JobStatus.FAILED
        record.leased_until = None
        record.status, record.place = JobStatus.QUEUED, self._queue.next_place()
        self._queue.arrival.set()
        return JobStatus.QUEUED

    async def announce(self, heartbeat: Heartbeat) -> None:
        queue, now = self._queue, self._queue.clock()
        was_ready = queue.workers.get(heartbeat.name, 0.0) > now
        queue.workers[heartbeat.name] = now + HEARTBEAT_TTL_S if heartbeat.ready else 0.0
        if heartbeat.ready and not was_ready and queue.woken_at is not None:
            boot_s, queue.woken_at = now - queue.woken_at, None
            if plausible(boot_s):
                queue.boots_s = [boot_s, *queue.boots_s][:BOOTS_KEPT]

    async def retire(self, name: str) -> None:
        self._queue.workers.pop(name, None)

"""The API's side of the Redis queue: every call is one round trip, and a look that waits is two."""

from typing import Any

from tinyllama.adapters.redis_scripts import (
    DRAINING,
    JOBS,
    WORKERS,
    Link,
    ended_key,
    job_key,
    state_key,
    throttle_key,
)
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.limits import DRAIN_TTL_S, QueueLimits
from tinyllama.domain.throttle import Allowance, ThrottlePolicy
from tinyllama.ports import Admission, AdmitCode, CancelCode, Look, QueueSnapshot

_ADMIT_CODES = (AdmitCode.ADMITTED, AdmitCode.RATE_LIMITED, AdmitCode.QUEUE_FULL)
_CANCEL_CODES = (CancelCode.CANCELLED, CancelCode.NOT_FOUND, CancelCode.ALREADY_FINISHED)

_SHORTEST_WAIT_S = 0.01
"""Redis 6.2 cuts off what is less than a millisecond, 0.001 s too, and 0 would be for ever."""
_FREE = ThrottlePolicy(burst=0, interval_ms=1)
"""Of a look that spends nothing."""


class RedisAdmissions:
    """`Admissions` on Redis 6.2."""

    def __init__(self, link: Link, limits: QueueLimits | None = None) -> None:
        self._link = link
        self._limits = limits or QueueLimits()

    def admit(self, job: Job) -> Admission:
        limits, throttle = self._limits, self._limits.throttle
        keys = [throttle_key(job.sub), JOBS, job_key(job.id), state_key(job.id), WORKERS, DRAINING]
        life = (limits.max_queued, limits.job_ttl_s, limits.state_kept_s)
        args = (throttle.burst, throttle.interval_ms, *life, job.id, job.sub, job.to_json())
        code, ready = divmod(self._link.run("admit", keys, args), 2)
        return Admission(_ADMIT_CODES[code], bool(ready))

    def spend(self, sub: str, allowance: Allowance) -> bool:
        policy = self._limits.policy(allowance)
        return bool(self._link.run("spend", [throttle_key(sub, allowance)], (policy.burst, policy.interval_ms)))

    def withdraw(self, job_id: str) -> None:
        self._link.run("withdraw", [JOBS, job_key(job_id), state_key(job_id)])

    def look(self, job_id: str, sub: str, allowance: Allowance | None = None, *, wait_s: float = 0.0) -> Look:
        policy = self._limits.policy(allowance) if allowance else _FREE
        bucket = throttle_key(sub, allowance or Allowance.POLLS)
        keys = [bucket, job_key(job_id), state_key(job_id), WORKERS, DRAINING]
        args = (sub, policy.burst, policy.interval_ms, int(wait_s > 0))
        look = _look(*self._link.run("look", keys, args))
        if wait_s <= 0 or look.view is None or look.view.status is not JobStatus.RUNNING:
            return look
        wait_s = max(wait_s, _SHORTEST_WAIT_S)
        # Taken out and put back: so one element tells everybody who waits.
        ended = ("BLMOVE", ended_key(job_id), ended_key(job_id), "LEFT", "RIGHT", f"{wait_s:.3f}")
        return _look(*self._link.wait_and_run(ended, wait_s, "look", keys, (sub, _FREE.burst, _FREE.interval_ms, 0)))

    def cancel(self, job_id: str, sub: str) -> CancelCode:
        return _CANCEL_CODES[self._link.run("cancel", [JOBS, job_key(job_id), state_key(job_id)], (sub,))]

    def snapshot(self) -> QueueSnapshot:
        depth, ready = self._link.run("snapshot", [JOBS, WORKERS, DRAINING])
        return QueueSnapshot(depth, bool(ready))


def _look(allowed: int, ready: int, *state: Any) -> Look:
    return Look(bool(allowed), _view(*state) if state else None, bool(ready))


def _view(alive: int, state: str, text: str | None, partial: str | None, error: str | None) -> JobView:
    status = JobStatus(state)
    if not status.final and not alive:
        status = JobStatus.EXPIRED
    return JobView(
        status=status,
        text=text if status is JobStatus.DONE else None,
        partial=partial or None if status is JobStatus.RUNNING else None,
        error=error,
    )


class RedisDrainGate:
    """`DrainGate` on Redis 6.2."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def close(self, sub: str | None = None) -> bool:
        return bool(self._link.run("drain", [JOBS, DRAINING], (DRAIN_TTL_S, sub or "")))

    def busy(self, sub: str) -> bool:
        return bool(self._link.run("busy", [JOBS], (sub,)))

    def open(self) -> None:
        self._link.ask("DEL", DRAINING)

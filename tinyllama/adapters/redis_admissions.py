"""The API's side of the Redis queue: every call is one round trip."""

from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tinyllama.adapters.redis_scripts import (
    DRAINING,
    JOBS,
    WORKERS,
    job_key,
    source,
    state_key,
    throttle_key,
)
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.limits import DRAIN_TTL_S, QueueLimits
from tinyllama.domain.throttle import Allowance
from tinyllama.ports import Admission, AdmitCode, CancelCode, QueueSnapshot

_ADMIT_CODES = (AdmitCode.ADMITTED, AdmitCode.RATE_LIMITED, AdmitCode.QUEUE_FULL)
_CANCEL_CODES = (CancelCode.CANCELLED, CancelCode.NOT_FOUND, CancelCode.ALREADY_FINISHED)


def connect(host: str, port: int = 6379, *, timeout_s: float = 0.05) -> "redis.Redis":
    """A client that waits `timeout_s` for an answer and never retries: the caller decides (LAM-002)."""
    return redis.Redis(
        host=host,
        port=port,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


class RedisAdmissions:
    """`Admissions` on Redis 6.2."""

    def __init__(self, client: "redis.Redis", limits: QueueLimits | None = None) -> None:
        self._client = client
        self._limits = limits or QueueLimits()
        names = ("spend", "admit", "withdraw", "cancel", "snapshot")
        self._scripts: dict[str, Callable[..., Any]] = {name: client.register_script(source(name)) for name in names}

    def _run(self, name: str, keys: list[str], args: tuple[Any, ...] = ()) -> Any:
        try:
            return self._scripts[name](keys, args)
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error

    def admit(self, job: Job) -> Admission:
        limits, throttle = self._limits, self._limits.throttle
        keys = [throttle_key(job.sub), JOBS, job_key(job.id), state_key(job.id), WORKERS, DRAINING]
        life = (limits.max_queued, limits.job_ttl_s, limits.state_ttl_s)
        args = (throttle.burst, throttle.interval_ms, *life, job.id, job.sub, job.model_dump_json())
        code, ready = self._run("admit", keys, args)
        return Admission(_ADMIT_CODES[code], bool(ready))

    def spend(self, sub: str, allowance: Allowance) -> bool:
        policy = self._limits.policy(allowance)
        return bool(self._run("spend", [throttle_key(sub, allowance)], (policy.burst, policy.interval_ms)))

    def withdraw(self, job_id: str) -> None:
        self._run("withdraw", [JOBS, job_key(job_id), state_key(job_id)])

    def view(self, job_id: str, sub: str) -> JobView | None:
        try:
            with self._client.pipeline() as pipe:
                pipe.hgetall(state_key(job_id))
                pipe.exists(job_key(job_id))
                state, alive = pipe.execute()
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error
        if not state or state.get("sub") != sub:
            return None
        status = JobStatus(state["status"])
        if not status.final and not alive:
            status = JobStatus.EXPIRED
        return JobView(
            status=status,
            text=state.get("text") if status is JobStatus.DONE else None,
            partial=state.get("partial") or None if status is JobStatus.RUNNING else None,
            error=state.get("error"),
        )

    def cancel(self, job_id: str, sub: str) -> CancelCode:
        return _CANCEL_CODES[self._run("cancel", [JOBS, job_key(job_id), state_key(job_id)], (sub,))]

    def snapshot(self) -> QueueSnapshot:
        depth, ready = self._run("snapshot", [JOBS, WORKERS, DRAINING])
        return QueueSnapshot(depth, bool(ready))


class RedisDrainGate:
    """`DrainGate` on Redis 6.2."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._drain: Callable[..., Any] = client.register_script(source("drain"))

    def close(self, sub: str | None = None) -> bool:
        try:
            return bool(self._drain([JOBS, DRAINING], (DRAIN_TTL_S, sub or "")))
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error

    def open(self) -> None:
        try:
            self._client.delete(DRAINING)
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error

"""The worker's side of the Redis queue: a consumer group whose idle time is the lease.

A claim is two steps. `XREADGROUP` (or `XAUTOCLAIM`, for a job whose worker fell silent) hands the
entry to this consumer, and `begin.lua` starts the attempt. A worker that dies in between leaves an
entry that is reclaimed like any other.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tinyllama.adapters.redis_scripts import BOOTS, DRAINING, GROUP, JOBS, WOKEN, WORKERS, source, worker_key
from tinyllama.domain.boots import BOOT_MAX_S, BOOTS_KEPT
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import Job, JobStatus
from tinyllama.domain.limits import HEARTBEAT_TTL_S, DispatchLimits
from tinyllama.ports import Claim, Claims, DeadLetter, Heartbeat, Outcome

_GIVEN_BACK = (None, JobStatus.QUEUED, JobStatus.FAILED)


def connect(host: str, port: int = 6379, *, timeout_s: float = 5.0) -> "Redis":
    """An asynchronous client; reconnecting is the worker's business, which knows how often to say so."""
    return Redis(
        host=host,
        port=port,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error


class RedisDispatch:
    """`Dispatch` on Redis 6.2, for one worker called `name`."""

    def __init__(self, client: "Redis", name: str, limits: DispatchLimits | None = None) -> None:
        self._client = client
        self._name = name
        self._limits = limits or DispatchLimits()
        names = ("begin", "renew", "settle", "give_back", "heartbeat")
        self._scripts: dict[str, Any] = {script: client.register_script(source(script)) for script in names}

    async def open(self) -> None:
        with _unavailable():
            await self._create_group()
            await self._client.delete(DRAINING)

    async def _create_group(self) -> None:
        try:
            await self._client.xgroup_create(JOBS, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def claim(self, limit: int, *, wait_s: float) -> Claims:
        with _unavailable():
            try:
                # Blocking for 0 ms means for ever; not blocking at all is no option at all.
                block = max(1, round(wait_s * 1000)) if wait_s > 0 else None
                found = await self._client.xreadgroup(GROUP, self._name, {JOBS: ">"}, count=limit, block=block)
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                await self._create_group()  # Redis came back empty
                return Claims()
            return await self._begin(found[0][1] if found else [])

    async def reclaim(self, limit: int) -> Claims:
        with _unavailable():
            try:
                answer = await self._client.xautoclaim(
                    JOBS, GROUP, self._name, min_idle_time=round(self._limits.lease_s * 1000), count=limit
                )
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                return Claims()
            return await self._begin(answer[1])

    async def _begin(self, entries: list[tuple[str, dict[str, str]]]) -> Claims:
        if not entries:
            return Claims()
        limits = self._limits
        args: list[Any] = [self._name, limits.job_ttl_s, limits.state_ttl_s, limits.max_attempts]
        for entry, fields in entries:
            args += [entry, fields["id"]]
        run, dead = [], []
        for (entry, _), (code, attempt, text) in zip(entries, await self._scripts["begin"]([JOBS], args), strict=True):
            if code == 1:
                run.append(Claim(Job.model_validate_json(text), attempt, entry))
            elif code == 2:
                dead.append(DeadLetter(Job.model_validate_json(text), "worker_died"))
        return Claims(run, dead)

    async def renew(self, claims: Iterable[tuple[Claim, str]]) -> frozenset[str]:
        held = list(claims)
        args: list[Any] = [self._name, self._limits.job_ttl_s, self._limits.state_ttl_s]
        for claim, partial in held:
            args += [claim.receipt, claim.job.id, claim.attempt, partial]
        with _unavailable():
            answers = await self._scripts["renew"]([JOBS], args)
        return frozenset(claim.job.id for (claim, _), answer in zip(held, answers, strict=True) if answer)

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        args = [claim.receipt, claim.job.id, claim.attempt, outcome.status.value, outcome.text, outcome.error or ""]
        with _unavailable():
            return bool(await self._scripts["settle"]([JOBS], [*args, self._limits.state_ttl_s]))

    async def give_back(self, claim: Claim, *, failure: str | None) -> JobStatus | None:
        args = [claim.receipt, claim.job.id, claim.attempt, failure or "", self._limits.max_attempts]
        with _unavailable():
            return _GIVEN_BACK[await self._scripts["give_back"]([JOBS], args)]

    async def announce(self, heartbeat: Heartbeat) -> None:
        said = (heartbeat.name, HEARTBEAT_TTL_S, json.dumps(asdict(heartbeat)), "1" if heartbeat.ready else "0")
        keys = [worker_key(heartbeat.name), WORKERS, WOKEN, BOOTS]
        with _unavailable():
            await self._scripts["heartbeat"](keys, [*said, BOOT_MAX_S, BOOTS_KEPT])

    async def retire(self, name: str) -> None:
        with _unavailable():
            async with self._client.pipeline() as pipe:
                pipe.zrem(WORKERS, name)
                pipe.delete(worker_key(name))
                await pipe.execute()

    async def close(self) -> None:
        await self._client.aclose()

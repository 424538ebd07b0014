"""The worker's side of the Redis queue: a consumer group whose idle time is the lease.

A claim is one round trip of two commands. `XREADGROUP`, which may block as no script can, hands an entry to this
consumer; `take.lua`, right behind it, starts the attempt, and takes what else waits. An entry that was delivered but
not taken is taken by the next claim, or reclaimed like any other.
"""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tinyllama.adapters.batches import Batches
from tinyllama.adapters.redis_async_link import RedisAsyncLink
from tinyllama.adapters.redis_scripts import BOOTS, DRAINING, GROUP, JOBS, WOKEN, WORKERS, AsyncLink, worker_key
from tinyllama.domain.boots import BOOT_MAX_S, BOOTS_KEPT
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import Job, JobStatus
from tinyllama.domain.limits import HEARTBEAT_TTL_S, DispatchLimits
from tinyllama.ports import Claim, Claims, DeadLetter, Heartbeat, Outcome

connect = RedisAsyncLink

_GIVEN_BACK = (None, JobStatus.QUEUED, JobStatus.FAILED)


class RedisDispatch:
    """`Dispatch` on Redis 6.2, for one worker called `name`."""

    def __init__(self, link: AsyncLink, name: str, limits: DispatchLimits | None = None) -> None:
        self._link = link
        self._name = name
        self._limits = limits or DispatchLimits()
        self._seen: str | None = None
        # One script call for all that ends or is confirmed at about the same time.
        self._renewals = Batches(self._renew)
        self._ends = Batches(self._settle)

    async def open(self) -> None:
        await self._join()
        await self._link.ask("DEL", DRAINING)

    async def _join(self) -> str:
        """The last entry before the first that is delivered to this process, not to an earlier one of its name."""
        await self._create_group()
        found: list[list[Any]] = await self._link.ask("XINFO", "GROUPS", JOBS)
        groups = [dict(zip(facts[::2], facts[1::2], strict=True)) for facts in found]
        self._seen = last = str(next(facts["last-delivered-id"] for facts in groups if facts["name"] == GROUP))
        return last

    async def _create_group(self) -> None:
        try:
            await self._link.ask("XGROUP", "CREATE", JOBS, GROUP, "0", "MKSTREAM")
        except QueueUnavailableError as error:
            if not _refused(error, "BUSYGROUP"):
                raise

    async def claim(self, limit: int, *, wait_s: float) -> Claims:
        if self._ends.waiting > 1:  # one alone is no reason to claim any later
            await asyncio.sleep(0)  # what has just ended is settled first, and in the same packet
        seen = self._seen or await self._join()
        # Blocking for 0 ms means for ever; not blocking at all is no option at all.
        block = ("BLOCK", max(1, round(wait_s * 1000))) if wait_s > 0 else ()
        words = ("XREADGROUP", "GROUP", GROUP, self._name, "COUNT", 1, *block, "STREAMS", JOBS, ">")
        args = (*self._attempt(), seen, limit)
        try:
            self._seen, *started = await self._link.wait_and_run(words, wait_s, "take", [JOBS], args)
        except QueueUnavailableError as error:
            if not _refused(error, "NOGROUP"):
                raise
            self._seen = None  # Redis came back empty
            return Claims()
        return _claims(*started)

    def _attempt(self) -> tuple[str | int, ...]:
        limits = self._limits
        return self._name, limits.job_ttl_s, limits.max_attempts

    async def reclaim(self, limit: int) -> Claims:
        args = (*self._attempt(), round(self._limits.lease_s * 1000), limit)
        try:
            return _claims(*await self._link.run("reclaim", [JOBS], args))
        except QueueUnavailableError as error:
            if not _refused(error, "NOGROUP"):
                raise
            return Claims()

    async def renew(self, claims: Iterable[tuple[Claim, str]]) -> frozenset[str]:
        held = list(claims)
        answers = await self._renewals.ask(held)
        return frozenset(claim.job.id for (claim, _), answer in zip(held, answers, strict=True) if answer)

    async def _renew(self, claims: list[tuple[Claim, str]]) -> list[int]:
        args: list[str | int] = [self._name, self._limits.job_ttl_s, self._limits.state_kept_s]
        for claim, partial in claims:
            args += [claim.receipt, claim.job.id, claim.attempt, partial]
        answers: list[int] = await self._link.run("renew", [JOBS], args)
        return answers

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        [answer] = await self._ends.ask([(claim, outcome)])
        return bool(answer)

    async def _settle(self, ends: list[tuple[Claim, Outcome]]) -> list[int]:
        args: list[str | int] = []
        for claim, end in ends:
            args += [claim.receipt, claim.job.id, claim.attempt, end.status.value, end.text, end.error or ""]
        answers: list[int] = await self._link.run("settle", [JOBS], args)
        return answers

    async def give_back(self, claim: Claim, *, failure: str | None) -> JobStatus | None:
        args: list[str | int] = [claim.receipt, claim.job.id, claim.attempt, failure or "", self._limits.max_attempts]
        return _GIVEN_BACK[await self._link.run("give_back", [JOBS], args)]

    async def announce(self, heartbeat: Heartbeat) -> None:
        said = (heartbeat.name, HEARTBEAT_TTL_S, json.dumps(asdict(heartbeat)), "1" if heartbeat.ready else "0")
        keys = [worker_key(heartbeat.name), WORKERS, WOKEN, BOOTS]
        await self._link.run("heartbeat", keys, [*said, BOOT_MAX_S, BOOTS_KEPT])

    async def retire(self, name: str) -> None:
        await self._link.run("retire", [worker_key(name), WORKERS], (name,))

    async def close(self) -> None:
        await self._link.close()


def _claims(run: list[Any], dead: list[Any]) -> Claims:
    """What `begin` in attempt.lua has appended to the two lists, which are flat: tables in tables cost Lua dear."""
    taken = zip(run[::3], run[1::3], run[2::3], strict=True)
    lost = zip(dead[::4], dead[1::4], dead[2::4], dead[3::4], strict=True)
    return Claims([_claim(*one) for one in taken], [DeadLetter(_claim(*one), reason) for *one, reason in lost])


def _claim(entry: str, attempt: int, job: str) -> Claim:
    return Claim(Job.from_json(job), attempt, entry)


def _refused(error: QueueUnavailableError, code: str) -> bool:
    return code in str(error.__cause__)

"""The worker's side of the SQS queue: blocking calls in threads of their own, heartbeats on the door."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from tinyllama.adapters.dynamo_boots import DynamoBootTimes
from tinyllama.adapters.dynamo_jobs import DOOR, DynamoJobs
from tinyllama.adapters.dynamo_table import ConditionFailedError, Item, update
from tinyllama.adapters.sqs_messages import SqsMessages
from tinyllama.adapters.sqs_work import SqsWork
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.limits import HEARTBEAT_TTL_S, DispatchLimits
from tinyllama.ports import Claim, Claims, Heartbeat, Outcome

T = TypeVar("T")

_WORKER = "worker:"
_FORGOTTEN_MS = 3_600_000
_THREADS = 16


class SqsDispatch:
    """`Dispatch` on SQS and DynamoDB. A call that is cancelled may still take effect, as one whose answer was lost.

    Only `claim` and `reclaim` end when they have been answered, and hand back what they were given.
    """

    def __init__(self, jobs: DynamoJobs, messages: SqsMessages, limits: DispatchLimits | None = None) -> None:
        self._jobs = jobs
        self._work = SqsWork(jobs, messages, limits)
        self._boots = DynamoBootTimes(jobs)
        self._threads = ThreadPoolExecutor(_THREADS, "queue")
        self._unready = ""

    async def _aside(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def open(self) -> None:
        await self._aside(self._open)

    def _open(self) -> None:
        door = self._jobs.table.write(update(DOOR, "REMOVE closed_until", {}), "ALL_NEW")
        long_ago = self._jobs.now() - _FORGOTTEN_MS
        for name in [name for name, until in door.items() if name.startswith(_WORKER) and until < long_ago]:
            self._jobs.table.write(update(DOOR, "REMOVE #worker", {}, names={"worker": name}))

    async def claim(self, limit: int, *, wait_s: float) -> Claims:
        return await self._take(partial(self._work.receive, limit, wait_s=wait_s))

    async def reclaim(self, limit: int) -> Claims:
        return await self._take(partial(self._work.sweep, limit))

    async def _take(self, call: Callable[[], Claims]) -> Claims:
        asked = asyncio.ensure_future(self._aside(call))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            # It cannot be taken back any more: what it brings would wait for its lease to lapse, and lose a try.
            with contextlib.suppress(QueueUnavailableError):
                back = (self.give_back(claim, failure=None) for claim in (await asked).run)
                await asyncio.gather(*back, return_exceptions=True)
            raise

    async def renew(self, claims: Iterable[tuple[Claim, str]]) -> frozenset[str]:
        held = list(claims)
        calls = (self._aside(partial(self._work.renew, claim, text)) for claim, text in held)
        answers = await asyncio.gather(*calls)
        return frozenset(claim.job.id for (claim, _), answer in zip(held, answers, strict=True) if answer)

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        return await self._aside(partial(self._work.settle, claim, outcome))

    async def give_back(self, claim: Claim, *, failure: str | None) -> JobStatus | None:
        return await self._aside(partial(self._work.give_back, claim, failure))

    async def announce(self, heartbeat: Heartbeat) -> None:
        if heartbeat.ready:
            self._unready = ""
            await self._aside(partial(self._ready, heartbeat.name))
        elif self._unready != heartbeat.name:  # while an engine loads, this is said several times a second
            await self.retire(heartbeat.name)
            self._unready = heartbeat.name

    def _ready(self, name: str) -> None:
        now = self._jobs.now()
        change = update(
            DOOR,
            "SET #worker=:until, ready_until=:until",
            {"until": now + HEARTBEAT_TTL_S * 1000},
            names={"worker": f"{_WORKER}{name}"},
        )
        before = self._jobs.table.write(change, "UPDATED_OLD")
        if before.get(f"{_WORKER}{name}", 0) <= now:
            self._boots.end()

    async def retire(self, name: str) -> None:
        await self._aside(partial(self._leave, name))

    def _leave(self, name: str) -> None:
        door = self._jobs.table.write(
            update(DOOR, "REMOVE #worker", {}, names={"worker": f"{_WORKER}{name}"}), "ALL_NEW"
        )
        if "ready_until" in door:
            self._shorten(door)

    def _shorten(self, door: Item) -> None:
        """Let readiness end with the last of the workers that are left."""
        until = max((until for name, until in door.items() if name.startswith(_WORKER)), default=0)
        values = {"until": until, "seen": door["ready_until"]}
        try:
            self._jobs.table.write(update(DOOR, "SET ready_until=:until", values, when="ready_until = :seen"))
        except ConditionFailedError:
            return  # another worker has announced itself since

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

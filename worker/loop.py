"""The worker: takes as many jobs as it has slots, says that it is alive, and drains when told to."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tinyllama.ports import Claims, Heartbeat
from worker.attempt import Attempt, Workbench
from worker.log import log
from worker.patience import Patience
from worker.readiness import Readiness
from worker.slots import Slots


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things happen, in s, and how long a drain may take."""

    claim_wait: float = 1.0
    pulse: float = 0.5
    heartbeat: float = 5.0
    loading: float = 0.2
    reclaim: float = 7.5
    drain_grace: float = 20.0


class Worker:
    """Claims jobs and runs them until it is told to drain."""

    def __init__(self, name: str, slots: int, bench: Workbench, pace: Pace | None = None) -> None:
        self._name = name
        self._size = slots
        self._bench = bench
        self._pace = pace or Pace()
        self._patience = Patience()
        self._changed = asyncio.Event()
        self._slots = Slots(slots, bench, self._patience, self._ended)
        self._readiness = Readiness(bench.engine)
        self._draining = asyncio.Event()
        self._hurry = asyncio.Event()
        self._leaving: asyncio.Task[None] | None = None

    def drain(self) -> None:
        """Take no more jobs, finish the running ones within the grace time; called again, stop at once."""
        if self._draining.is_set():
            self._hurry.set()
        self._draining.set()
        self._changed.set()

    async def run(self) -> None:
        """Work until drained. Raises whatever is a bug, so that the service manager restarts the process."""
        if self._draining.is_set():
            return
        intake = [asyncio.create_task(self._take_new()), asyncio.create_task(self._take_over())]
        alive = asyncio.create_task(self._say_alive())
        pulse = asyncio.create_task(self._slots.pulse(every_s=self._pace.pulse))
        drained = asyncio.create_task(self._draining.wait())
        try:
            await _first_end([drained, *intake, alive, pulse])
            log("draining", running=self._slots.busy)
            await _cancel([alive])  # or it might announce a worker that has left
            # A call for work that is under way may still bring some: it ends by itself, and hands them back.
            await _all_or(self._hurry, [self._leave(), *intake], timeout_s=self._pace.claim_wait + 1)
            await _all_or(self._hurry, self._slots.tasks, timeout_s=self._pace.drain_grace)
        finally:
            # At the same time: a call for work that SQS has yet to answer hands back itself what it brings.
            ending = _cancel([drained, *intake, alive, pulse])
            await asyncio.gather(ending, self._slots.hand_back(), self._leave())

    async def _say_alive(self) -> None:
        """Announce the worker, and whether its engine would serve."""
        await self._patience.until_back(self._bench.dispatch.open)
        while True:
            healthy = await self._readiness.look()
            self._changed.set()
            ready = self._readiness.ready
            beat = Heartbeat(self._name, self._bench.engine.model, self._size, self._slots.busy, ready)
            await self._patience.until_back(partial(self._bench.dispatch.announce, beat))
            if healthy and not ready and await self._readiness.prove():
                continue
            # An engine that is loading is asked more often: somebody is waiting for the cold boot.
            await _wait(self._readiness.doubt, self._pace.heartbeat if healthy else self._pace.loading)

    def _ended(self, attempt: Attempt) -> None:
        self._readiness.learn(attempt)
        self._changed.set()

    async def _take_new(self) -> None:
        while limit := await self._room():
            take = partial(self._bench.dispatch.claim, limit, wait_s=self._pace.claim_wait)
            await self._start(await self._patience.until_back(take))
            await asyncio.sleep(0)  # what was claimed starts before more is asked for

    async def _take_over(self) -> None:
        while limit := await self._room():
            claims = await self._patience.until_back(partial(self._bench.dispatch.reclaim, limit))
            if claims:
                log("reclaimed", run=[claim.job.id for claim in claims.run], dead=len(claims.dead))
            await self._start(claims)
            await _wait(self._draining, self._pace.reclaim)

    async def _start(self, claims: Claims) -> None:
        self._slots.bury(claims.dead)
        # Much may have happened while the call for work was waiting.
        able = self._readiness.ready and not self._draining.is_set()
        free = self._slots.free if able else 0
        self._slots.start(claims.run[:free])
        await self._slots.refuse(claims.run[free:])

    async def _room(self) -> int:
        """Free slots, once there are any and the engine would serve; 0 when the worker drains."""
        while not self._draining.is_set():
            if self._readiness.ready and self._slots.free:
                return self._slots.free
            self._changed.clear()
            await self._changed.wait()
        return 0

    def _leave(self) -> "asyncio.Task[None]":
        """Say that this worker is gone; again, if it was said before: the first may have been lost, or too early."""
        if self._leaving is None or self._leaving.done():
            retire = partial(self._bench.dispatch.retire, self._name)
            self._leaving = asyncio.create_task(self._patience.once(retire))
        return self._leaving


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)


async def _first_end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _all_or(event: asyncio.Event, tasks: Iterable["asyncio.Task[Any]"], *, timeout_s: float) -> None:
    """Until all tasks have ended, the event is set or the time is over; none is cancelled, and none is listened to."""
    told, ended = asyncio.create_task(event.wait()), asyncio.gather(*tasks, return_exceptions=True)
    ends: list[asyncio.Future[Any]] = [told, ended]
    await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()


async def _cancel(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

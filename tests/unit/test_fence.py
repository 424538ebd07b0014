"""The fence before the reply store: when the queue is asked once more, and when its last word is young enough."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from tests.factories import ALICE, job
from tinyllama.adapters.memory_queue import MemoryAdmissions, MemoryDispatch, MemoryQueue
from tinyllama.adapters.memory_replies import MemoryReplies
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.replies import Reply
from tinyllama.ports import Chunk, Claim, Outcome
from worker.attempt import HELD_S, Attempt, Workbench
from worker.patience import Patience
from worker.slots import Slots


class Counting(MemoryDispatch):
    """A queue that counts how often it is asked whether a claim is held."""

    def __init__(self) -> None:
        self.asked, self.may_settle, self.queue = 0, asyncio.Event(), MemoryQueue()
        self.may_settle.set()
        super().__init__(self.queue, "worker-1")

    async def renew(self, claims: Iterable[tuple[Claim, str]]) -> frozenset[str]:
        self.asked += 1
        return await super().renew(claims)

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        await self.may_settle.wait()
        return await super().settle(claim, outcome)


class Writer:
    """An engine that takes `took` seconds of the bench's clock."""

    model = "writer"

    def __init__(self, took: float) -> None:
        self.clock, self._took = 0.0, took

    async def healthy(self) -> bool:
        return True

    async def generate(self, prompt: str) -> AsyncIterator[Chunk]:
        self.clock += self._took
        yield Chunk(prompt)

    async def close(self) -> None:
        pass


class Scene:
    """One claimed job, an engine that needs `took` seconds for it, and a worker's bench."""

    def __init__(self, took: float = 0.0) -> None:
        self.dispatch, self.replies, self.engine = Counting(), MemoryReplies(), Writer(took)
        self.api = MemoryAdmissions(self.dispatch.queue)
        self.bench = Workbench(
            self.dispatch, self.engine, self.replies, lambda _: None, monotonic=lambda: self.engine.clock
        )

    async def claim(self) -> Claim:
        self.api.admit(job())
        await self.dispatch.open()
        [claim] = (await self.dispatch.claim(1, wait_s=0)).run
        return claim

    def status(self, claim: Claim) -> JobStatus:
        view = self.api.look(claim.job.id, ALICE).view
        assert view is not None
        return view.status


async def test_a_lease_that_was_confirmed_a_moment_ago_is_not_asked_for_again() -> None:
    scene = Scene(took=HELD_S * 0.9)
    claim = await scene.claim()
    await Attempt(claim, scene.bench).run()
    assert (scene.status(claim), scene.dispatch.asked) == (JobStatus.DONE, 0)


async def test_an_older_one_is_confirmed_before_the_reply_is_stored() -> None:
    scene = Scene(took=HELD_S * 1.1)
    claim = await scene.claim()
    await Attempt(claim, scene.bench).run()
    assert (scene.status(claim), scene.dispatch.asked) == (JobStatus.DONE, 1)


async def test_a_worker_that_was_only_slow_and_has_lost_its_job_stores_nothing() -> None:
    scene = Scene(took=HELD_S * 1.1)
    claim = await scene.claim()
    scene.api.cancel(claim.job.id, ALICE)
    await Attempt(claim, scene.bench).run()
    assert (scene.status(claim), scene.replies.objects) == (JobStatus.CANCELLED, {})


@pytest.mark.parametrize(("age", "asked"), [(0.9, 0), (1.1, 1)])
async def test_a_renewal_counts_from_when_the_queue_was_asked(age: float, asked: int) -> None:
    scene = Scene(took=10.0)
    attempt = Attempt(await scene.claim(), scene.bench)
    attempt.held(at=10.0 - HELD_S * age)
    await attempt.run()
    assert scene.dispatch.asked == asked


async def test_a_job_that_was_cancelled_at_the_last_moment_stays_cancelled_for_its_owner() -> None:
    """The price of not asking: a reply may be stored that nobody reads."""
    scene = Scene()
    claim = await scene.claim()
    scene.api.cancel(claim.job.id, ALICE)
    await Attempt(claim, scene.bench).run()
    view = scene.api.look(claim.job.id, ALICE).view
    assert view is not None
    assert (view.status, view.text) == (JobStatus.CANCELLED, None)


async def test_a_job_that_is_being_settled_is_not_renewed_any_more_and_one_that_is_stored_still_is() -> None:
    scene, storing = Scene(), asyncio.Event()

    async def slowly(reply: Reply) -> Reply:
        await storing.wait()
        return reply

    scene.replies.put = slowly  # type: ignore[method-assign]
    scene.dispatch.may_settle.clear()
    slots = Slots(1, scene.bench, Patience(), lambda _: None)
    slots.start([await scene.claim()])
    pulse = asyncio.create_task(slots.pulse(every_s=0.005))
    await until(lambda: scene.dispatch.asked > 2)
    storing.set()
    await until(lambda: all(attempt.settling for attempt in slots._running))
    seen = scene.dispatch.asked
    await asyncio.sleep(0.05)  # ten pulses
    assert scene.dispatch.asked <= seen + 1, "one may have been under way"
    scene.dispatch.may_settle.set()
    await until(lambda: not slots.busy)
    pulse.cancel()


async def test_a_job_that_is_cancelled_while_nothing_is_written_is_stopped_at_the_next_beat() -> None:
    """Not every so many seconds: a beat that comes a hair early would leave them to the one after it."""
    scene = Scene()

    async def keep_silent(prompt: str) -> AsyncIterator[Chunk]:
        await asyncio.Event().wait()
        yield Chunk("never")

    scene.engine.generate = keep_silent  # type: ignore[method-assign]
    slots = Slots(1, scene.bench, Patience(), lambda _: None)
    claim = await scene.claim()
    slots.start([claim])
    pulse = asyncio.create_task(slots.pulse(every_s=0.005))
    await until(lambda: scene.dispatch.asked > 2)  # the bench's clock stands still meanwhile
    scene.api.cancel(claim.job.id, ALICE)
    cancelled = scene.dispatch.asked
    await until(lambda: not slots.busy)
    assert scene.dispatch.asked <= cancelled + 2, "one may have been under way"
    pulse.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 -- another task's doing
            await asyncio.sleep(0.002)

"""What the worker does with jobs, engines and signals; queue and store are in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.engines import ScriptedEngine
from tests.factories import ALICE, job, reply
from tinyllama.adapters.memory_queue import MemoryAdmissions, MemoryDispatch, MemoryQueue
from tinyllama.adapters.memory_replies import MemoryReplies
from tinyllama.domain.errors import EngineError, QueueUnavailableError
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.node import Activity
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Chunk, Claim, Claims
from worker.attempt import Workbench
from worker.loop import Pace, Worker

QUICK = Pace(claim_wait=0.02, pulse=0.005, loading=0.005, heartbeat=0.05, reclaim=0.02, drain_grace=5)


class Node:
    """A worker on a queue in memory, and what a test wants to know of it."""

    def __init__(self, slots: int, pace: Pace, **bench_options: Any) -> None:
        self.queue = MemoryQueue()
        self.api = MemoryAdmissions(self.queue, QueueLimits(throttle=ThrottlePolicy(10_000, 1)))
        self.dispatch = MemoryDispatch(self.queue, "worker-1")
        self.engine, self.replies = ScriptedEngine(), MemoryReplies()
        self.touched: list[Activity] = []
        bench = Workbench(self.dispatch, self.engine, self.replies, self.touched.append, **bench_options)
        self.worker = Worker("worker-1", slots, bench, pace)

    def send(self, **fields: str) -> Job:
        asked = job(**fields)
        self.api.admit(asked)
        return asked

    def status(self, asked: Job) -> JobStatus:
        view = self.api.look(asked.id, ALICE).view
        assert view is not None
        return view.status

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 -- what is waited for is another task's doing
                await asyncio.sleep(0.002)

    async def until_status(self, asked: Job, status: JobStatus) -> None:
        await self.until(lambda: self.status(asked) is status)


@asynccontextmanager
async def node(slots: int = 2, pace: Pace = QUICK, **bench_options: Any) -> AsyncIterator[Node]:
    """A running node; afterwards the worker must have drained without complaint."""
    made = Node(slots, pace, **bench_options)
    running = asyncio.create_task(made.worker.run())
    yield made
    made.worker.drain()
    await asyncio.wait_for(running, 5)
    assert not made.queue.worker_ready()


async def test_a_job_becomes_a_reply_with_usage_and_timings() -> None:
    async with node() as it:
        asked = it.send(prompt="to be or not")
        await it.until_status(asked, JobStatus.DONE)
    reply = it.replies.objects[asked.id]
    assert (reply.text, reply.model, reply.error) == ("to be or not", "scripted", None)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (4, 4)
    assert 0 <= reply.timings.first_token_ms <= reply.timings.total_ms


async def test_the_watchdog_is_told_how_long_the_job_wants_the_node_awake() -> None:
    async with node() as it:
        it.engine.gate.clear()
        asked = it.send()
        await it.until(lambda: bool(it.touched))  # while the engine is still silent
        it.engine.gate.set()
        await it.until_status(asked, JobStatus.DONE)
        await it.until(lambda: len(it.touched) > 1)
    assert {activity.idle_s for activity in it.touched} == {300.0}
    assert len(it.touched) == 2, "once at the start, once at the end"


async def test_text_is_visible_while_it_is_written() -> None:
    async with node() as it:
        it.engine.gate.clear()
        asked = it.send(prompt="one two")
        await it.until_status(asked, JobStatus.RUNNING)
        it.engine.gate.set()
        await it.until_status(asked, JobStatus.DONE)
        it.engine.gate.clear()


async def test_a_first_text_is_visible_long_before_the_next_publication(monkeypatch: pytest.MonkeyPatch) -> None:
    async def write_one_word(_prompt: str) -> AsyncIterator[Chunk]:
        yield Chunk("one")
        await asyncio.Event().wait()

    async with node(pace=replace(QUICK, pulse=60)) as it:
        monkeypatch.setattr(it.engine, "generate", write_one_word)
        asked = it.send()
        await it.until(lambda: (view := it.api.look(asked.id, ALICE).view) is not None and view.partial == "one")
        it.worker.drain()  # the second signal, at the end, does not wait for the job


async def test_a_prompt_that_does_not_fit_fails_at_once_and_casts_no_doubt_on_the_engine() -> None:
    async with node(pace=replace(QUICK, heartbeat=60)) as it:
        it.engine.failures = [EngineError("context_exceeded", "too long", final=True)]
        it.engine.gate.clear()
        asked = it.send()
        await it.until_status(asked, JobStatus.FAILED)
        it.engine.well = False  # unseen: nobody has a reason to ask
        it.engine.gate.set()
        await it.until_status(it.send(), JobStatus.DONE)
    assert it.engine.started == 2
    assert it.replies.objects[asked.id].error == "context_exceeded"


async def test_as_many_jobs_run_at_once_as_there_are_slots() -> None:
    async with node(slots=3) as it:
        it.engine.gate.clear()
        for _ in range(5):
            it.send()
        await it.until(lambda: it.engine.started == 3)
        await asyncio.sleep(0.05)
        assert it.engine.started == 3
        it.engine.gate.set()
        await it.until(lambda: len(it.replies.objects) == 5)


async def test_cancelling_stops_a_generation_under_way_and_leaves_no_reply() -> None:
    async with node(slots=1) as it:
        it.engine.gate.clear()
        asked = it.send()
        await it.until_status(asked, JobStatus.RUNNING)
        it.api.cancel(asked.id, ALICE)
        follower = it.send()
        await it.until(lambda: it.engine.started == 2)
        it.engine.gate.set()
        await it.until_status(follower, JobStatus.DONE)
    assert asked.id not in it.replies.objects
    assert it.status(asked) is JobStatus.CANCELLED


async def test_a_failed_attempt_is_repeated() -> None:
    async with node() as it:
        it.engine.failures = [EngineError("engine_broke_off", "died")]
        asked = it.send(prompt="again")
        await it.until_status(asked, JobStatus.DONE)
    assert it.replies.objects[asked.id].text == "again"
    assert it.engine.started == 2


async def test_a_job_that_always_fails_ends_failed_with_its_reason_and_blocks_nobody() -> None:
    async with node(slots=1) as it:
        it.engine.failures = [EngineError("engine_refused", "no")] * 3
        bad = it.send()
        await it.until_status(bad, JobStatus.FAILED)
        good = it.send()
        await it.until_status(good, JobStatus.DONE)
    assert it.replies.objects[bad.id].error == "engine_refused"
    view = it.api.look(bad.id, ALICE).view
    assert view is not None
    assert view.error == "engine_refused"


async def test_while_the_engine_is_away_no_job_loses_a_try() -> None:
    async with node() as it:
        await it.until(it.queue.worker_ready)
        it.engine.well = False
        it.engine.failures = [EngineError("engine_unreachable", "gone")]
        asked = it.send()
        await it.until(lambda: not it.queue.worker_ready())
        await asyncio.sleep(0.05)
        assert it.engine.started == 1
        it.engine.well = True
        await it.until_status(asked, JobStatus.DONE)


async def test_a_store_that_refuses_the_reply_costs_a_try_and_no_reply_is_lost() -> None:
    async with node() as it:
        it.replies.refusals = 1
        asked = it.send(prompt="keep me")
        await it.until_status(asked, JobStatus.DONE)
    assert it.replies.objects[asked.id].text == "keep me"


async def test_a_store_that_stays_away_fails_the_job_with_a_reason() -> None:
    async with node() as it:
        it.replies.refusals = 1_000
        asked = it.send()
        await it.until_status(asked, JobStatus.FAILED)
        view = it.api.look(asked.id, ALICE).view
        assert view is not None
        assert view.error == "reply_store_unavailable"


async def test_draining_finishes_what_runs_and_takes_nothing_new() -> None:
    async with node(slots=1) as it:
        it.engine.gate.clear()
        running = it.send()
        await it.until_status(running, JobStatus.RUNNING)
        it.worker.drain()
        await it.until(lambda: not it.queue.worker_ready())
        late = it.send()
        it.engine.gate.set()
        await it.until_status(running, JobStatus.DONE)
    assert it.status(late) is JobStatus.QUEUED


async def test_what_the_grace_time_does_not_suffice_for_is_handed_back_without_a_lost_try() -> None:
    async with node(slots=1, pace=Pace(claim_wait=0.02, pulse=0.005, loading=0.005, drain_grace=0.05)) as it:
        it.engine.gate.clear()
        asked = it.send()
        await it.until_status(asked, JobStatus.RUNNING)
    assert it.status(asked) is JobStatus.QUEUED
    assert it.queue.records[asked.id].tries == 0


async def test_a_second_signal_does_not_wait_for_the_grace_time() -> None:
    async with node(slots=1, pace=Pace(claim_wait=0.02, pulse=0.005, loading=0.005, drain_grace=3_600)) as it:
        it.engine.gate.clear()
        asked = it.send()
        await it.until_status(asked, JobStatus.RUNNING)
        it.worker.drain()
    assert it.status(asked) is JobStatus.QUEUED


async def test_a_second_signal_does_not_wait_for_a_call_for_work_either() -> None:
    async with node(pace=replace(QUICK, claim_wait=60)) as it:
        await it.until(it.queue.worker_ready)
        it.worker.drain()


async def test_jobs_are_handed_back_at_the_same_time_since_the_queue_may_be_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = asyncio.Barrier(2)

    async with node(slots=2) as it:
        real = it.dispatch.give_back

        async def give_back(claim: Claim, *, failure: str | None) -> JobStatus | None:
            await both.wait()
            return await real(claim, failure=failure)

        monkeypatch.setattr(it.dispatch, "give_back", give_back)
        it.engine.gate.clear()
        asked = [it.send(), it.send()]
        for one in asked:
            await it.until_status(one, JobStatus.RUNNING)
        it.worker.drain()
    assert [it.status(one) for one in asked] == [JobStatus.QUEUED] * 2


async def test_a_job_that_comes_back_to_a_worker_that_let_its_lease_lapse_is_written_once() -> None:
    async with node(slots=2, pace=replace(QUICK, pulse=60)) as it:
        it.engine.gate.clear()
        asked = it.send(prompt="one two")
        await it.until_status(asked, JobStatus.RUNNING)
        it.queue.records[asked.id].leased_until = 0.0  # as after a pause
        await it.until(lambda: it.queue.records[asked.id].attempts == 2)
        await it.until(lambda: it.worker._slots.busy == 1)
        it.engine.gate.set()
        await it.until_status(asked, JobStatus.DONE)


async def test_a_job_ends_as_the_reply_that_stands_says() -> None:
    """Of another attempt, which died between its reply and the end, or which was handed back in between."""
    asked = job()
    async with node() as it:
        await it.replies.put(reply(asked.id, "").model_copy(update={"error": "generation_too_long"}))
        it.api.admit(asked)
        await it.until_status(asked, JobStatus.FAILED)
        view = it.api.look(asked.id, ALICE).view
    assert view == JobView(status=JobStatus.FAILED, error="generation_too_long")
    assert it.replies.objects[asked.id].error == "generation_too_long"


async def test_an_engine_that_does_not_stop_writing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def write_on(_prompt: str) -> AsyncIterator[Chunk]:
        while True:
            yield Chunk("on and " * 1_000)
            await asyncio.sleep(0)

    async with node() as it:
        monkeypatch.setattr(it.engine, "generate", write_on)
        asked = it.send()
        await it.until_status(asked, JobStatus.FAILED)
    assert it.replies.objects[asked.id].error == "generation_too_long"


class _Calls(list[str]):
    """The names of the calls that met a queue that is `away`."""

    away = True


def _interrupt(monkeypatch: pytest.MonkeyPatch, dispatch: MemoryDispatch, *names: str) -> _Calls:
    calls = _Calls()

    def interrupted(name: str) -> Callable[..., Awaitable[object]]:
        real = getattr(dispatch, name)

        async def call(*args: object, **options: object) -> object:
            if calls.away:
                calls.append(name)
                raise QueueUnavailableError("refused")
            return await real(*args, **options)

        return call

    for name in names:
        monkeypatch.setattr(dispatch, name, interrupted(name))
    return calls


async def test_a_queue_that_goes_away_is_waited_for_and_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with node() as it:
        await it.until(it.queue.worker_ready)
        calls = _interrupt(monkeypatch, it.dispatch, "claim", "reclaim", "announce")
        await it.until(lambda: calls.count("claim") > 1)
        calls.away = False
        asked = it.send()
        await it.until_status(asked, JobStatus.DONE)
    out = capsys.readouterr().out
    assert out.count("queue away") == 1
    assert out.count("queue is back") == 1


async def test_a_bug_in_the_intake_ends_the_worker_so_that_it_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Node(1, QUICK)

    async def broken(limit: int, *, wait_s: float) -> Claims:
        raise ZeroDivisionError

    monkeypatch.setattr(made.dispatch, "claim", broken)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(made.worker.run(), 5)


async def test_no_log_line_holds_a_prompt_or_a_reply(capsys: pytest.CaptureFixture[str]) -> None:
    async with node() as it:
        it.engine.failures = [EngineError("engine_broke_off", "died")]
        asked = it.send(prompt="top secret")
        await it.until_status(asked, JobStatus.DONE)
    assert "secret" not in capsys.readouterr().out

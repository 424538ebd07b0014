"""How a worker ends jobs that cannot be answered, and when it stops believing its engine."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.factories import ALICE, reply
from tests.unit.test_worker import QUICK, Node, node
from tinyllama.domain.errors import EngineError
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.replies import Reply
from tinyllama.ports import Chunk
from worker import readiness

REFUSED = EngineError("engine_refused", "no")


def view(it: Node, asked: Job) -> JobView | None:
    return it.api.look(asked.id, ALICE).view


async def test_a_job_whose_tries_are_used_up_ends_done_if_an_attempt_left_a_reply() -> None:
    async with node() as it:
        it.engine.failures = [REFUSED] * 3
        asked = it.send()
        it.replies.objects[asked.id] = reply(asked.id, "it stood")
        await it.until_status(asked, JobStatus.DONE)
        assert view(it, asked) == JobView(status=JobStatus.DONE, text="it stood")
        assert it.replies.objects[asked.id].error is None


async def test_a_job_that_died_with_its_workers_has_an_error_reply_before_it_is_failed() -> None:
    async with node() as it:
        it.engine.gate.clear()
        asked = it.send()
        await it.until_status(asked, JobStatus.RUNNING)
        record = it.queue.records[asked.id]
        record.tries, record.attempts, record.leased_until = 3, 9, it.queue.clock()  # others tried, and died
        await it.until_status(asked, JobStatus.FAILED)
        assert it.replies.objects[asked.id].error == "worker_died"


async def test_a_store_that_takes_its_time_over_a_dead_job_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with node() as it:
        stored, put = asyncio.Event(), it.replies.put

        async def slow(made: Reply) -> Reply:
            if made.error:
                await stored.wait()
            return await put(made)

        monkeypatch.setattr(it.replies, "put", slow)
        it.engine.failures = [EngineError("context_full", "too long", final=True)]
        dead, alive = it.send(), it.send()
        await it.until_status(alive, JobStatus.DONE)
        assert it.status(dead) is JobStatus.RUNNING
        stored.set()
        await it.until_status(dead, JobStatus.FAILED)


async def test_an_error_that_another_attempt_would_meet_again_costs_one_attempt() -> None:
    async with node() as it:
        it.engine.failures = [EngineError("context_full", "too long", final=True)]
        asked = it.send()
        await it.until_status(asked, JobStatus.FAILED)
        assert view(it, asked) == JobView(status=JobStatus.FAILED, error="context_full")
        assert it.engine.started == 1


async def test_a_generation_that_takes_too_long_is_stopped_and_not_repeated() -> None:
    async with node(attempt_max_s=0.05) as it:
        it.engine.gate.clear()
        asked = it.send()
        await it.until_status(asked, JobStatus.FAILED)
        assert view(it, asked) == JobView(status=JobStatus.FAILED, error="generation_too_long")
        assert it.engine.started == 1


async def test_an_engine_that_fails_every_job_must_write_something_before_it_gets_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with node(slots=1) as it:
        it.engine.failures = [REFUSED] * 5  # three attempts, two proofs
        bad = it.send()
        await it.until_status(bad, JobStatus.FAILED)
        await it.until(lambda: "engine fails" in capsys.readouterr().out)
        good = it.send()
        await it.until(lambda: len(it.engine.failures) == 1)
        assert not it.queue.worker_ready(), "although the engine says that it is well"
        assert it.status(good) is JobStatus.QUEUED
        await it.until_status(good, JobStatus.DONE)
        assert it.queue.worker_ready()
        assert it.queue.records[good.id].tries == 1


async def test_a_proof_that_takes_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_PROOF_MAX_S", 0.01)
    made = Node(1, QUICK)
    made.engine.gate.clear()
    assert not await readiness.Readiness(made.engine).prove()
    made.engine.gate.set()
    assert await readiness.Readiness(made.engine).prove()


async def test_a_bug_of_ours_costs_the_job_its_tries_and_is_logged_by_its_place_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def stumble(prompt: str) -> AsyncIterator[Chunk]:
        yield Chunk(dict[str, str]()[prompt])

    async with node() as it:
        monkeypatch.setattr(it.engine, "generate", stumble)
        asked = it.send(prompt="my secret")
        await it.until_status(asked, JobStatus.FAILED)
        assert it.replies.objects[asked.id].error == "worker_error"
    said = capsys.readouterr().out
    assert "KeyError" in said
    assert "in stumble" in said
    assert "secret" not in said

"""Who gets which job, and for how long: the worker's side of the queue, whatever it is built on."""

import asyncio

import pytest

from tests.contract.worlds import BEAT, FakeRedisWorld, World, view_status
from tests.factories import ALICE, job
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.ports import AdmitCode, Heartbeat, Outcome


async def test_a_job_is_handed_out_once_and_ends_done(world: World) -> None:
    asked = job(prompt="Grüße, 世界 🦙")
    assert world.admissions().admit(asked).code is AdmitCode.ADMITTED
    dispatch = world.dispatch()
    await dispatch.open()
    [claim] = (await dispatch.claim(5, wait_s=0)).run
    assert claim.job == asked
    assert not await dispatch.claim(5, wait_s=0)
    assert view_status(world, asked.id) is JobStatus.RUNNING
    assert await dispatch.settle(claim, Outcome(JobStatus.DONE, "a reply"))
    assert world.admissions().look(asked.id, ALICE).view == JobView(status=JobStatus.DONE, text="a reply")
    assert world.admissions().snapshot().depth == 0


async def test_jobs_are_handed_out_in_order_of_admission_and_no_more_than_asked_for(world: World) -> None:
    jobs = [job() for _ in range(5)]
    for each in jobs:
        world.admissions().admit(each)
    dispatch = world.dispatch()
    await dispatch.open()
    first = await dispatch.claim(2, wait_s=0)
    rest = await dispatch.claim(9, wait_s=0)
    assert [claim.job.id for claim in (*first.run, *rest.run)] == [each.id for each in jobs]
    assert len(first.run) == 2


async def test_a_waiting_claim_returns_as_soon_as_a_job_arrives(world: World) -> None:
    if isinstance(world, FakeRedisWorld):
        pytest.skip("fakeredis does not wake a blocked XREADGROUP for an XADD made by a script")
    dispatch = world.dispatch()
    await dispatch.open()
    waiting = asyncio.create_task(dispatch.claim(1, wait_s=30))
    await asyncio.sleep(0.05)
    asked = job()
    world.admissions().admit(asked)
    claims = await asyncio.wait_for(waiting, 5)
    assert [claim.job.id for claim in claims.run] == [asked.id]


async def test_two_workers_never_get_the_same_job(world: World) -> None:
    for _ in range(10):
        world.admissions().admit(job())
    one, two = world.dispatch("worker-1"), world.dispatch("worker-2")
    await one.open()
    taken = [claim.job.id for _ in range(5) for side in (one, two) for claim in (await side.claim(1, wait_s=0)).run]
    assert len(taken) == len(set(taken)) == 10


async def test_a_job_whose_worker_fell_silent_is_finished_by_another(world: World) -> None:
    asked = job()
    world.admissions().admit(asked)
    dead, heir = world.dispatch("dead"), world.dispatch("heir")
    await dead.open()
    [old] = (await dead.claim(1, wait_s=0)).run
    assert not await heir.reclaim(5), "the lease still holds"
    await world.lapse_leases()
    [new] = (await heir.reclaim(5)).run
    assert (new.job, new.attempt) == (asked, old.attempt + 1)
    assert await dead.renew([(old, "late")]) == frozenset()
    assert not await dead.settle(old, Outcome(JobStatus.DONE, "the slow one"))
    assert await dead.give_back(old, failure="late") is None
    assert await heir.settle(new, Outcome(JobStatus.DONE, "the new one"))
    assert world.admissions().look(asked.id, ALICE).view == JobView(status=JobStatus.DONE, text="the new one")


async def test_renewing_keeps_a_job_from_being_reclaimed(world: World) -> None:
    world.admissions().admit(job())
    slow, heir = world.dispatch("slow"), world.dispatch("heir")
    await slow.open()
    [claim] = (await slow.claim(1, wait_s=0)).run
    await world.lapse_leases()
    assert await slow.renew([(claim, "")]) == {claim.job.id}
    assert not await heir.reclaim(5)


async def test_a_worker_counts_while_it_is_ready_and_until_it_leaves(world: World) -> None:
    side, dispatch = world.admissions(), world.dispatch()
    assert not side.admit(job()).worker_ready
    await dispatch.announce(Heartbeat("worker-1", "m", slots=2, busy=0, ready=False))
    assert not side.snapshot().worker_ready
    await dispatch.announce(BEAT)
    assert side.snapshot().worker_ready
    assert side.admit(job()).worker_ready
    await dispatch.retire("worker-1")
    assert not side.snapshot().worker_ready

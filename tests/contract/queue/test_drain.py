"""The door in front of a node that is about to stop, whatever the queue is built on."""

from tests.contract.worlds import BEAT, World, view_status
from tests.factories import ALICE, BOB, job
from tinyllama.domain.jobs import JobStatus
from tinyllama.ports import Outcome


async def test_the_door_closes_only_in_front_of_an_empty_queue(world: World) -> None:
    side, gate, dispatch = world.admissions(), world.gate(), world.dispatch()
    await dispatch.open()
    await dispatch.announce(BEAT)
    asked = job()
    side.admit(asked)
    assert not gate.close()
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    assert not gate.close(), "a job in flight counts as well"
    await dispatch.settle(claim, Outcome(JobStatus.DONE))
    assert gate.close()
    assert not side.snapshot().worker_ready
    assert not side.admit(job()).worker_ready
    gate.open()
    assert side.snapshot().worker_ready


async def test_expired_jobs_do_not_keep_the_door_open(world: World) -> None:
    asked = job()
    world.admissions().admit(asked)
    await world.expire(asked.id)
    assert world.gate().close()
    assert view_status(world, asked.id) is JobStatus.EXPIRED


async def test_the_caller_s_own_jobs_are_cancelled_for_a_stop_and_nobody_else_s(world: World) -> None:
    side, gate = world.admissions(), world.gate()
    mine, theirs = job(sub=ALICE), job(sub=BOB)
    side.admit(mine)
    side.admit(theirs)
    assert not gate.close(ALICE)
    assert view_status(world, mine.id) is JobStatus.QUEUED, "a refused stop changes nothing"
    side.cancel(theirs.id, BOB)
    assert gate.close(ALICE)
    assert view_status(world, mine.id) is JobStatus.CANCELLED
    assert side.snapshot().depth == 0


async def test_the_gate_tells_whether_somebody_else_waits_and_changes_nothing(world: World) -> None:
    side, gate, dispatch = world.admissions(), world.gate(), world.dispatch()
    await dispatch.open()
    assert not gate.busy(ALICE)
    mine, theirs = job(sub=ALICE), job(sub=BOB)
    side.admit(mine)
    assert not gate.busy(ALICE)
    assert gate.busy(BOB)
    side.admit(theirs)
    assert gate.busy(ALICE)
    await world.expire(theirs.id)
    assert not gate.busy(ALICE), "an expired job waits for nothing"
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    assert gate.busy(BOB), "a job in flight counts as well"
    assert view_status(world, mine.id) is JobStatus.RUNNING
    assert await dispatch.settle(claim, Outcome(JobStatus.DONE))
    assert not gate.busy(BOB)


async def test_a_worker_that_comes_back_opens_the_door(world: World) -> None:
    gate, dispatch = world.gate(), world.dispatch()
    assert gate.close()
    await dispatch.open()
    await dispatch.announce(BEAT)
    assert world.admissions().snapshot().worker_ready

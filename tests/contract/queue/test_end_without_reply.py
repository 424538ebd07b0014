"""Jobs that are cancelled or expire, whatever the queue is built on."""

from tests.contract.worlds import World, view_status
from tests.factories import ALICE, job
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.ports import CancelCode, Outcome


async def test_a_cancelled_job_is_never_handed_out(world: World) -> None:
    asked = job()
    side, dispatch = world.admissions(), world.dispatch()
    await dispatch.open()
    side.admit(asked)
    assert side.cancel(asked.id, ALICE) is CancelCode.CANCELLED
    assert side.cancel(asked.id, ALICE) is CancelCode.CANCELLED, "cancelling twice is no error"
    assert not await dispatch.claim(5, wait_s=0)
    assert view_status(world, asked.id) is JobStatus.CANCELLED
    assert side.snapshot().depth == 0


async def test_cancelling_a_running_job_takes_the_claim_away(world: World) -> None:
    asked = job()
    side, dispatch = world.admissions(), world.dispatch()
    await dispatch.open()
    side.admit(asked)
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    assert await dispatch.renew([(claim, "so far")]) == {asked.id}
    assert await dispatch.renew([(claim, "")]) == {asked.id}, "no news leave what was published"
    assert side.look(asked.id, ALICE).view == JobView(status=JobStatus.RUNNING, partial="so far")
    assert side.cancel(asked.id, ALICE) is CancelCode.CANCELLED
    assert await dispatch.renew([(claim, "more")]) == frozenset()
    assert not await dispatch.settle(claim, Outcome(JobStatus.DONE, "too late"))
    assert side.look(asked.id, ALICE).view == JobView(status=JobStatus.CANCELLED)


async def test_a_finished_job_cannot_be_cancelled(world: World) -> None:
    asked = job()
    side, dispatch = world.admissions(), world.dispatch()
    await dispatch.open()
    side.admit(asked)
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    await dispatch.settle(claim, Outcome(JobStatus.DONE, "a reply"))
    assert side.cancel(asked.id, ALICE) is CancelCode.ALREADY_FINISHED


async def test_an_expired_job_is_never_handed_out_and_says_so(world: World) -> None:
    asked = job()
    side, dispatch = world.admissions(), world.dispatch()
    await dispatch.open()
    side.admit(asked)
    await world.expire(asked.id)
    assert view_status(world, asked.id) is JobStatus.EXPIRED
    assert not await dispatch.claim(5, wait_s=0)
    assert side.cancel(asked.id, ALICE) is CancelCode.ALREADY_FINISHED
    assert view_status(world, asked.id) is JobStatus.EXPIRED

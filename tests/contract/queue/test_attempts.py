"""Failed attempts and dead letters, whatever the queue is built on."""

import pytest

from tests.contract.worlds import World, view_status
from tests.factories import ALICE, job
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.domain.limits import DispatchLimits
from tinyllama.ports import Claim, Outcome

LIMITS = DispatchLimits(max_attempts=2)


async def test_a_job_that_kills_its_workers_becomes_a_dead_letter(world: World) -> None:
    asked = job()
    world.admissions().admit(asked)
    dispatch = world.dispatch(limits=LIMITS)
    await dispatch.open()
    await dispatch.claim(1, wait_s=0)
    await world.lapse_leases()
    assert len((await dispatch.reclaim(1)).run) == 1
    await world.lapse_leases()
    last = await dispatch.reclaim(1)
    assert not last.run
    [letter] = last.dead
    assert (letter.claim.job, letter.reason) == (asked, "worker_died")
    assert view_status(world, asked.id) is JobStatus.RUNNING, "a reply may stand: whoever holds it looks first"
    assert await dispatch.settle(letter.claim, Outcome(JobStatus.FAILED, error=letter.reason))
    view = world.admissions().look(asked.id, ALICE).view
    assert view == JobView(status=JobStatus.FAILED, error="worker_died")
    assert world.admissions().snapshot().depth == 0


async def test_a_failed_attempt_goes_to_the_end_of_the_queue_until_its_tries_are_used_up(world: World) -> None:
    bad, good = job(), job()
    for each in (bad, good):
        world.admissions().admit(each)
    dispatch = world.dispatch(limits=LIMITS)
    await dispatch.open()
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    assert await dispatch.give_back(claim, failure="engine_refused") is JobStatus.QUEUED
    order = (await dispatch.claim(5, wait_s=0)).run
    assert [each.job.id for each in order] == [good.id, bad.id]
    assert await dispatch.give_back(order[1], failure="engine_refused") is JobStatus.FAILED
    assert await dispatch.settle(order[1], Outcome(JobStatus.FAILED, error="engine_refused")), "it is still held"
    assert world.admissions().look(bad.id, ALICE).view == JobView(status=JobStatus.FAILED, error="engine_refused")


async def used_up(world: World, failure: str | None) -> Claim:
    """The claim of a job that failed twice, the second time for that reason or because its worker died."""
    world.admissions().admit(job())
    dispatch = world.dispatch(limits=LIMITS)
    await dispatch.open()
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    await dispatch.give_back(claim, failure="the first time")
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    if failure:
        assert await dispatch.give_back(claim, failure=failure) is JobStatus.FAILED
    await world.lapse_leases()
    return claim


@pytest.mark.parametrize(("failure", "reason"), [("engine_refused", "engine_refused"), (None, "worker_died")])
async def test_a_dead_letter_whose_finder_dies_is_found_again_for_the_reason_of_its_last_failure(
    world: World, failure: str | None, reason: str
) -> None:
    await used_up(world, failure)
    one, two = world.dispatch("one", limits=LIMITS), world.dispatch("two", limits=LIMITS)
    [first] = (await one.reclaim(1)).dead
    assert not await two.reclaim(1), "one holds it"
    await world.lapse_leases()
    [second] = (await two.reclaim(1)).dead
    assert (first.reason, second.reason) == (reason, reason)
    assert not await one.settle(first.claim, Outcome(JobStatus.FAILED, error=reason)), "two holds it now"
    assert await two.settle(second.claim, Outcome(JobStatus.FAILED, error=reason))
    await world.lapse_leases()
    assert not await one.reclaim(1)


async def test_a_dead_letter_that_left_a_reply_can_end_done(world: World) -> None:
    asked = (await used_up(world, None)).job
    [letter] = (await world.dispatch(limits=LIMITS).reclaim(1)).dead
    assert await world.dispatch(limits=LIMITS).settle(letter.claim, Outcome(JobStatus.DONE, "it stood"))
    assert world.admissions().look(asked.id, ALICE).view == JobView(status=JobStatus.DONE, text="it stood")


async def test_a_dead_letter_that_is_handed_back_stays_one(world: World) -> None:
    await used_up(world, "engine_refused")
    dispatch = world.dispatch(limits=LIMITS)
    [letter] = (await dispatch.reclaim(1)).dead
    assert await dispatch.give_back(letter.claim, failure=None) is JobStatus.QUEUED
    again = await dispatch.claim(1, wait_s=0)
    assert [letter.reason for letter in again.dead] == ["engine_refused"]
    assert not again.run


@pytest.mark.parametrize("times", [1, 5])
async def test_handing_a_job_back_unworked_costs_it_no_try(world: World, times: int) -> None:
    asked = job()
    world.admissions().admit(asked)
    dispatch = world.dispatch(limits=LIMITS)
    await dispatch.open()
    for _ in range(times):
        [claim] = (await dispatch.claim(1, wait_s=0)).run
        assert await dispatch.give_back(claim, failure=None) is JobStatus.QUEUED
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    assert await dispatch.give_back(claim, failure="first real failure") is JobStatus.QUEUED

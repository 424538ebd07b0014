"""Waiting for a job's end instead of looking again and again, whatever the queue is built on.

Not on fakeredis, whose BLMOVE does not block.
"""

import asyncio
import time

import pytest

from tests.contract.worlds import World
from tests.factories import ALICE, BOB, job
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import Allowance, ThrottlePolicy
from tinyllama.ports import Claim, Look, Outcome

pytestmark = pytest.mark.parametrize("world", ["memory", "redis-server", "sqs"], indirect=True)
LONG_S, SOON_S = 30.0, 5.0
UNTIL_ALL_WAIT_S = 0.2
DONE = JobView(status=JobStatus.DONE, text="a reply")


async def running(world: World) -> Claim:
    """Alice's job in a worker's hands."""
    dispatch = world.dispatch()
    await dispatch.open()
    world.admissions().admit(job(sub=ALICE))
    [claim] = (await dispatch.claim(1, wait_s=0)).run
    await dispatch.renew([(claim, "a rep")])
    return claim


def waiting(world: World, job_id: str, wait_s: float = LONG_S) -> "asyncio.Task[Look]":
    """Somebody who waits, in a thread as in a function."""
    return asyncio.create_task(asyncio.to_thread(world.admissions().look, job_id, ALICE, wait_s=wait_s))


async def told(looks: "asyncio.Task[Look]") -> JobView | None:
    return (await asyncio.wait_for(looks, SOON_S)).view


async def test_everybody_who_waits_is_told_at_once_that_a_job_is_done(world: World) -> None:
    claim = await running(world)
    all_of_them = [waiting(world, claim.job.id) for _ in range(3)]
    await asyncio.sleep(UNTIL_ALL_WAIT_S)
    await world.dispatch().settle(claim, Outcome(JobStatus.DONE, "a reply"))
    assert [await told(one) for one in all_of_them] == [DONE] * 3
    assert await told(waiting(world, claim.job.id)) == DONE, "and nobody waits for what is over"


async def test_who_waits_for_a_job_that_is_cancelled_is_told(world: World) -> None:
    claim = await running(world)
    one = waiting(world, claim.job.id)
    await asyncio.sleep(UNTIL_ALL_WAIT_S)
    world.admissions().cancel(claim.job.id, ALICE)
    assert await told(one) == JobView(status=JobStatus.CANCELLED)


async def test_who_waits_for_a_job_that_is_cancelled_for_a_stop_is_told(world: World) -> None:
    claim = await running(world)
    one = waiting(world, claim.job.id)
    await asyncio.sleep(UNTIL_ALL_WAIT_S)
    assert world.gate().close(ALICE)
    assert await told(one) == JobView(status=JobStatus.CANCELLED)


async def test_a_job_that_still_runs_is_shown_as_it_is_when_the_time_is_over(world: World) -> None:
    claim, began = await running(world), time.monotonic()
    assert await told(waiting(world, claim.job.id, 0.3)) == JobView(status=JobStatus.RUNNING, partial="a rep")
    assert time.monotonic() - began >= 0.3
    assert await told(waiting(world, claim.job.id, 1e-9)) == JobView(status=JobStatus.RUNNING, partial="a rep")


async def test_an_end_between_two_waits_is_not_missed(world: World) -> None:
    claim = await running(world)
    await told(waiting(world, claim.job.id, 0.05))
    await world.dispatch().settle(claim, Outcome(JobStatus.DONE, "a reply"))
    assert await told(waiting(world, claim.job.id)) == DONE


async def test_nobody_waits_for_what_does_not_run_or_is_not_theirs(world: World) -> None:
    claim, queued = await running(world), job(sub=ALICE)
    world.admissions().admit(queued)
    assert await told(waiting(world, queued.id)) == JobView(status=JobStatus.QUEUED)
    assert await told(waiting(world, job().id)) is None
    look = asyncio.to_thread(world.admissions().look, claim.job.id, BOB, wait_s=LONG_S)
    assert await told(asyncio.create_task(look)) is None


async def test_waiting_costs_one_token_and_without_one_nobody_waits(world: World) -> None:
    claim = await running(world)
    side = world.admissions(QueueLimits(polls=ThrottlePolicy(burst=1, interval_ms=60_000)))
    looks = [
        await asyncio.wait_for(
            asyncio.to_thread(side.look, claim.job.id, ALICE, Allowance.POLLS, wait_s=wait_s), SOON_S
        )
        for wait_s in (0.6, LONG_S)
    ]
    assert [look.allowed for look in looks] == [True, False]

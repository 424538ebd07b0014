"""The SQS queue when AWS fails, delivers twice, forgets, or tells another time."""

import asyncio

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

from local.aws.queue import ACCOUNT_ID
from local.aws.server import REGION
from tests.contract.sqs_world import SqsWorld
from tests.contract.worlds import GENEROUS
from tests.factories import ALICE, BOB, job
from tinyllama.adapters.dynamo_jobs import DOOR, DynamoJobs, job_key, state_key
from tinyllama.adapters.dynamo_table import update
from tinyllama.adapters.sqs_admissions import SqsAdmissions
from tinyllama.adapters.sqs_dispatch import SqsDispatch
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import Job, JobStatus
from tinyllama.domain.limits import DispatchLimits, QueueLimits
from tinyllama.ports import AdmitCode, CancelCode, Heartbeat, Outcome

LEASE_S = 15.0


class Clock:
    """Seconds since the epoch, as somebody's host has them."""

    def __init__(self, world: SqsWorld) -> None:
        self.ahead_s = 0.0
        self._world = world

    def __call__(self) -> float:
        return self._world.jobs.now() / 1000 + self.ahead_s


def later(world: SqsWorld, clock: Clock) -> SqsDispatch:
    """A worker by another clock."""
    dispatch = SqsDispatch(DynamoJobs(world.table, clock=clock), world.messages)
    world._made.append(dispatch)
    return dispatch


def messages(world: SqsWorld) -> list[str]:
    return [message.body for message in sqs_backends[ACCOUNT_ID][REGION].get_queue(world.name)._messages]


def status(world: SqsWorld, asked: Job) -> JobStatus | None:
    view = world.admissions().look(asked.id, asked.sub).view
    return view.status if view else None


def admitted(world: SqsWorld, **fields: str) -> Job:
    asked = job(**fields)
    assert world.admissions().admit(asked).code is AdmitCode.ADMITTED
    return asked


async def test_a_job_whose_message_cannot_be_sent_is_refused_and_forgotten(world: SqsWorld) -> None:
    world.aws.fail("sqs:SendMessage", "ServiceUnavailable", times=2, status=503)
    asked = job()
    with pytest.raises(QueueUnavailableError):
        world.admissions().admit(asked)
    assert status(world, asked) is None
    assert world.jobs.door().get("open_jobs") is None
    assert world.gate().close()


async def test_one_failure_of_sqs_or_dynamodb_is_tried_again_and_admits_once(world: SqsWorld) -> None:
    for operation in ("sqs:SendMessage", "dynamodb:TransactWriteItems"):
        world.aws.fail(operation, "InternalError", status=500)
        asked = admitted(world)
        assert messages(world).count(asked.id) == 1
    assert world.admissions().snapshot().depth == 2


async def test_a_job_whose_router_died_before_sending_is_found_by_a_worker_and_done_once(world: SqsWorld) -> None:
    asked = admitted(world)
    sqs_backends[ACCOUNT_ID][REGION].purge_queue(world.name)
    clock = Clock(world)
    worker = later(world, clock)
    clock.ahead_s = 2 * LEASE_S - 1
    assert not await worker.reclaim(4), "its message may be on its way"
    clock.ahead_s = 2 * LEASE_S + 1
    [claim] = (await worker.reclaim(4)).run
    assert claim.job == asked
    assert await worker.renew([(claim, "so far")]) == {asked.id}
    assert await worker.give_back(claim, failure=None) is JobStatus.QUEUED
    assert messages(world) == [asked.id], "so it is called again"
    [claim] = (await worker.claim(4, wait_s=0)).run
    assert await worker.settle(claim, Outcome(JobStatus.DONE, "a reply"))
    assert messages(world) == []


async def test_a_job_that_waited_for_the_node_to_boot_is_left_to_its_message(world: SqsWorld) -> None:
    admitted(world)
    clock = Clock(world)
    clock.ahead_s = 90.0
    assert not await later(world, clock).reclaim(4), "a worker that has just started listens first"


async def test_a_message_that_comes_twice_is_worked_on_once(world: SqsWorld) -> None:
    world.aws.sqs.duplicates = 1.0
    asked = admitted(world)
    one, two = world.dispatch("one"), world.dispatch("two")
    [claim] = (await one.claim(4, wait_s=0)).run
    assert not await two.claim(4, wait_s=0)
    world.aws.sqs.duplicates = 0.0
    assert await one.settle(claim, Outcome(JobStatus.DONE, "a reply"))
    world.show_messages()
    assert not await two.claim(4, wait_s=0)
    assert messages(world) == [], "the message of a job that is over is deleted without work"
    assert status(world, asked) is JobStatus.DONE


async def test_a_message_that_cannot_be_deleted_does_no_harm(world: SqsWorld) -> None:
    asked = admitted(world)
    worker = world.dispatch()
    [claim] = (await worker.claim(1, wait_s=0)).run
    world.aws.fail("sqs:DeleteMessage", "ServiceUnavailable", times=2, status=503)
    assert await worker.settle(claim, Outcome(JobStatus.DONE, "a reply"))
    world.show_messages()
    assert not await worker.claim(1, wait_s=0)
    assert (status(world, asked), messages(world)) == (JobStatus.DONE, [])


async def test_what_ttl_deletes_early_or_late_makes_no_difference(world: SqsWorld) -> None:
    old, young = admitted(world), admitted(world)
    past = {"past": 1}
    world.table.write(update(state_key(old.id), "SET expires_at=:past, ttl_at=:past", past))
    assert status(world, old) is None, "an item past its time is gone, whether or not DynamoDB has deleted it"
    assert world.admissions().cancel(old.id, ALICE) is CancelCode.NOT_FOUND
    world.aws.dynamodb.expire_now(dynamodb_backends[ACCOUNT_ID][REGION], world.name)
    assert {claim.job.id for claim in (await world.dispatch().claim(4, wait_s=0)).run} == {young.id}
    assert world.admissions().cancel(young.id, ALICE) is CancelCode.CANCELLED
    assert world.gate().close(), "a job that nobody ended does not keep the door open for ever"


async def test_a_job_that_is_over_leaves_no_prompt_behind(world: SqsWorld) -> None:
    done, cancelled, expired = (admitted(world) for _ in range(3))
    worker = world.dispatch()
    claims = {claim.job.id: claim for claim in (await worker.claim(4, wait_s=0)).run}
    await worker.settle(claims[done.id], Outcome(JobStatus.DONE, "a reply"))
    world.admissions().cancel(cancelled.id, ALICE)
    await world.expire(expired.id)
    world.gate().busy(BOB)
    assert world.table.get_all(job_key(asked.id) for asked in (done, cancelled, expired)) == {}


@pytest.mark.parametrize("ahead_s", [-200.0, -5.0, 5.0, 200.0])
async def test_a_worker_by_another_clock_can_take_over_early_but_never_end_a_job_twice(
    world: SqsWorld, ahead_s: float
) -> None:
    asked, clock = admitted(world), Clock(world)
    clock.ahead_s = ahead_s
    slow, heir = world.dispatch("slow"), later(world, clock)
    [old] = (await slow.claim(1, wait_s=0)).run
    world.show_messages()
    found = await heir.claim(1, wait_s=0)
    assert bool(found) is (ahead_s in {-200.0, 200.0}), "within two leases the clocks can be compared"
    for claim in found.run:
        assert not await slow.settle(old, Outcome(JobStatus.DONE, "the slow one"))
        assert await heir.settle(claim, Outcome(JobStatus.DONE, "the new one"))
    if not found:
        assert await slow.settle(old, Outcome(JobStatus.DONE, "the slow one"))
    assert status(world, asked) is JobStatus.DONE


async def test_a_job_whose_owner_was_told_that_it_expired_is_begun_by_no_worker_whose_clock_is_behind(
    world: SqsWorld,
) -> None:
    asked, clock = admitted(world), Clock(world)
    clock.ahead_s = -5.0
    over = {"over": world.jobs.now() - 2_000}
    world.table.write(update(state_key(asked.id), "SET expires_at=:over", over))
    assert status(world, asked) is JobStatus.EXPIRED
    slow = later(world, clock)
    assert not await slow.claim(1, wait_s=0)
    assert not await slow.reclaim(1)
    assert status(world, asked) is JobStatus.EXPIRED
    assert world.admissions().cancel(asked.id, asked.sub) is CancelCode.ALREADY_FINISHED


async def test_a_claim_that_nobody_waits_for_any_more_hands_back_what_it_brings(world: SqsWorld) -> None:
    worker = world.dispatch()
    claiming = asyncio.create_task(worker.claim(1, wait_s=2))
    await asyncio.sleep(0.2)
    claiming.cancel()
    asked = admitted(world)
    with pytest.raises(asyncio.CancelledError):
        await claiming
    assert status(world, asked) is JobStatus.QUEUED
    [claim] = (await world.dispatch("heir").claim(1, wait_s=2)).run
    assert (claim.job.id, world.table.get(state_key(asked.id))["tries"]) == (asked.id, 1)


async def test_a_failed_job_leaves_a_dead_letter_with_its_reason_in_the_redrive_queue(world: SqsWorld) -> None:
    asked = admitted(world)
    worker = world.dispatch(limits=DispatchLimits(max_attempts=1))
    [claim] = (await worker.claim(1, wait_s=0)).run
    assert await worker.give_back(claim, failure="engine_refused") is JobStatus.FAILED
    assert await worker.settle(claim, Outcome(JobStatus.FAILED, error="engine_refused"))
    [letter] = sqs_backends[ACCOUNT_ID][REGION].get_queue(f"{world.name}-dead")._messages
    assert letter.body == f'{{"id": "{asked.id}", "reason": "engine_refused"}}'


async def test_the_depth_counts_no_expired_jobs_when_nobody_is_there_to_expire_them(world: SqsWorld) -> None:
    asked = admitted(world)
    await world.expire(asked.id)
    assert world.admissions().snapshot().depth == 0, "or /health would wake the node for it"


async def test_readiness_lasts_until_the_last_of_several_workers_leaves(world: SqsWorld) -> None:
    one, two, side = world.dispatch("one"), world.dispatch("two"), world.admissions()
    await one.announce(Heartbeat("one", "m", slots=1, busy=0, ready=True))
    await two.announce(Heartbeat("two", "m", slots=1, busy=0, ready=True))
    await two.retire("two")
    assert side.snapshot().worker_ready
    await one.retire("one")
    assert not side.snapshot().worker_ready
    world.table.write(update(DOOR, "SET #worker=:long_ago", {"long_ago": 1}, names={"worker": "worker:lost"}))
    await one.open()
    assert "worker:lost" not in world.jobs.door(), "workers that died without a word are not kept for ever"


async def test_two_containers_share_a_bucket_though_each_remembers_it(world: SqsWorld) -> None:
    one, two = (SqsAdmissions(world.jobs, world.messages, QueueLimits()) for _ in range(2))
    sides = [one, two, one, two, one]
    assert [side.admit(job()).code for side in sides] == [AdmitCode.ADMITTED] * 5
    assert [side.admit(job()).code for side in (one, two)] == [AdmitCode.RATE_LIMITED] * 2
    assert world.admissions(GENEROUS).admit(job(sub=BOB)).code is AdmitCode.ADMITTED

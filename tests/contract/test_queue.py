"""What both sides of the queue promise, whatever it is built on."""

import asyncio

import pytest

from tests.contract.worlds import GENEROUS, FakeRedisWorld, World
from tests.factories import ALICE, BOB, job
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.domain.limits import DispatchLimits, QueueLimits
from tinyllama.domain.throttle import Allowance, ThrottlePolicy
from tinyllama.ports import AdmitCode, CancelCode, Claim, Heartbeat, Look, Outcome

LIMITS = DispatchLimits(max_attempts=2)
BEAT = Heartbeat("worker-1", "m", slots=2, busy=0, ready=True)


def view_status(world: World, job_id: str, sub: str = ALICE) -> JobStatus | None:
    view = world.admissions().look(job_id, sub).view
    return view.status if view else None


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


async def test_the_owner_alone_sees_and_cancels_a_job(world: World) -> None:
    asked = job(sub=ALICE)
    world.admissions().admit(asked)
    assert world.admissions().look(asked.id, BOB).view is None
    assert world.admissions().cancel(asked.id, BOB) is CancelCode.NOT_FOUND
    assert view_status(world, asked.id) is JobStatus.QUEUED
    assert world.admissions().look("00000000-0000-0000-0000-000000000000", ALICE).view is None


async def test_a_full_queue_refuses_and_forgets_the_refused_job(world: World) -> None:
    side = world.admissions(QueueLimits(max_queued=2, throttle=GENEROUS.throttle))
    assert [side.admit(job()).code for _ in range(2)] == [AdmitCode.ADMITTED] * 2
    refused = job()
    assert side.admit(refused).code is AdmitCode.QUEUE_FULL
    assert side.look(refused.id, ALICE).view is None
    assert side.snapshot().depth == 2


async def test_expired_jobs_make_room_in_a_full_queue(world: World) -> None:
    side = world.admissions(QueueLimits(max_queued=2, throttle=GENEROUS.throttle))
    old = [job(), job()]
    for each in old:
        side.admit(each)
    await world.expire(old[0].id)
    assert side.admit(job()).code is AdmitCode.ADMITTED
    assert side.snapshot().depth == 2


async def test_a_sixth_request_at_once_is_refused_and_costs_nobody_else(world: World) -> None:
    side = world.admissions(QueueLimits())
    codes = [side.admit(job(sub=ALICE)).code for _ in range(6)]
    assert codes == [AdmitCode.ADMITTED] * 5 + [AdmitCode.RATE_LIMITED]
    assert side.admit(job(sub=BOB)).code is AdmitCode.ADMITTED
    assert side.snapshot().depth == 6


async def test_bad_requests_and_good_ones_spend_from_one_bucket(world: World) -> None:
    side = world.admissions(QueueLimits())
    assert [side.spend(ALICE, Allowance.PROMPTS) for _ in range(4)] == [True] * 4
    assert side.admit(job()).code is AdmitCode.ADMITTED
    assert side.admit(job()).code is AdmitCode.RATE_LIMITED
    assert not side.spend(ALICE, Allowance.PROMPTS)


async def test_polls_are_spent_from_a_looser_bucket_of_their_own(world: World) -> None:
    side = world.admissions(QueueLimits(polls=ThrottlePolicy(burst=8, interval_ms=60_000)))
    assert [side.spend(ALICE, Allowance.POLLS) for _ in range(9)] == [True] * 8 + [False]
    assert side.spend(BOB, Allowance.POLLS)
    assert side.admit(job(sub=ALICE)).code is AdmitCode.ADMITTED


async def test_a_look_for_a_token_shows_the_job_and_whether_a_worker_is_there_at_once(world: World) -> None:
    side, asked = world.admissions(QueueLimits(polls=ThrottlePolicy(burst=3, interval_ms=60_000))), job()
    side.admit(asked)
    queued = JobView(status=JobStatus.QUEUED)
    assert side.look(asked.id, ALICE, Allowance.POLLS) == Look(allowed=True, view=queued, worker_ready=False)
    await world.dispatch().announce(BEAT)
    assert side.look(asked.id, ALICE, Allowance.POLLS) == Look(allowed=True, view=queued, worker_ready=True)
    assert side.look(job().id, ALICE, Allowance.POLLS) == Look(allowed=True, worker_ready=True)
    refused = side.look(asked.id, ALICE, Allowance.POLLS)
    assert (refused.allowed, refused.view) == (False, None), "whoever has no token sees nothing"
    assert not side.spend(ALICE, Allowance.POLLS), "it is the same bucket"
    assert side.look(asked.id, BOB, Allowance.POLLS) == Look(allowed=True, worker_ready=True)
    assert side.look(asked.id, ALICE).view == queued, "without an allowance a look is free"


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


async def test_a_withdrawn_job_leaves_no_trace(world: World) -> None:
    asked = job()
    side, dispatch = world.admissions(), world.dispatch()
    await dispatch.open()
    side.admit(asked)
    side.withdraw(asked.id)
    assert side.look(asked.id, ALICE).view is None
    assert not await dispatch.claim(5, wait_s=0)
    assert side.snapshot().depth == 0


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

"""Who gets in, what it costs, and who may look: the API's side of the queue, whatever it is built on."""

from tests.contract.worlds import BEAT, GENEROUS, World, view_status
from tests.factories import ALICE, BOB, job
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import Allowance, ThrottlePolicy
from tinyllama.ports import AdmitCode, CancelCode, Look


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


async def test_a_withdrawn_job_leaves_no_trace(world: World) -> None:
    asked = job()
    side, dispatch = world.admissions(), world.dispatch()
    await dispatch.open()
    side.admit(asked)
    side.withdraw(asked.id)
    assert side.look(asked.id, ALICE).view is None
    assert not await dispatch.claim(5, wait_s=0)
    assert side.snapshot().depth == 0

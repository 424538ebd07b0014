"""Many at once: the count of unfinished jobs never drifts."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.contract.sqs_world import SqsWorld
from tests.factories import ALICE, job
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import AdmitCode, Outcome

EASY = ThrottlePolicy(burst=100_000, interval_ms=1)


def at_once(*calls: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


async def test_a_cap_holds_however_many_ask_at_the_same_time(world: SqsWorld) -> None:
    sides = [world.admissions(QueueLimits(max_queued=5, throttle=EASY)) for _ in range(4)]

    def ask(side: int) -> list[AdmitCode]:
        return [sides[side].admit(job(sub=f"user-{side}")).code for _ in range(3)]

    codes = [code for found in at_once(*(lambda side=side: ask(side) for side in range(4))) for code in found]  # type: ignore[attr-defined]
    assert codes.count(AdmitCode.ADMITTED) == 5
    assert codes.count(AdmitCode.QUEUE_FULL) == 7
    assert len(world.jobs.door()["open_jobs"]) == 5


async def test_workers_and_cancels_that_race_end_each_job_once_and_the_count_at_nought(world: SqsWorld) -> None:
    side, jobs = world.admissions(), [job(sub=ALICE) for _ in range(12)]
    for asked in jobs:
        side.admit(asked)
    worker = world.dispatch()
    claims = [*(await worker.claim(10, wait_s=0)).run, *(await worker.claim(10, wait_s=0)).run]
    assert len(claims) == 12
    cancelling = threading.Thread(target=lambda: [side.cancel(asked.id, ALICE) for asked in jobs])
    cancelling.start()
    settled = [await worker.settle(claim, Outcome(JobStatus.DONE, "a reply")) for claim in reversed(claims)]
    cancelling.join()
    views = [side.look(claim.job.id, ALICE).view for claim in reversed(claims)]
    ends = [view.status for view in views if view]
    assert ends == [JobStatus.DONE if done else JobStatus.CANCELLED for done in settled]
    assert world.jobs.door().get("open_jobs") is None

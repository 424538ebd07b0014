"""The worker's promises when things break for real: processes killed, the queue gone, S3 refusing."""

import signal
import time

from tests.factories import ALICE
from tests.integration.worker.station import RedisStation, SqsStation, Station, on_redis, on_sqs
from tinyllama.domain.jobs import JobStatus

AT_ONCE_S = 5.0
"""A call to SQS that waits for messages, 2 s at most, cannot be taken back; then the interpreter ends."""


async def test_a_job_whose_worker_is_killed_is_finished_by_the_next_one_once(station: Station) -> None:
    victim = station.start_worker("victim")
    station.engine.go.clear()
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    victim.send_signal(signal.SIGKILL)
    await station.ended(victim)
    assert station.status(asked) is JobStatus.RUNNING
    station.start_worker("heir")
    station.engine.go.set()
    await station.until_status(asked, JobStatus.DONE)
    assert station.reply(asked).text == "hello"
    assert station.engine.asked == [asked.prompt] * 2
    assert station.reply_writes() == 1


async def test_a_worker_that_was_only_paused_does_not_touch_the_newer_result(station: Station) -> None:
    slow = station.start_worker("slow")
    station.engine.go.clear()
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    slow.send_signal(signal.SIGSTOP)
    station.start_worker("heir")
    await station.until(lambda: len(station.engine.asked) == 2)
    station.engine.go.set()
    await station.until_status(asked, JobStatus.DONE)
    slow.send_signal(signal.SIGCONT)
    await station.until(lambda: '"lost"' in station.log("slow") or '"stopped"' in station.log("slow"))
    assert station.status(asked) is JobStatus.DONE
    assert station.reply_writes() == 1


async def test_sigterm_finishes_the_running_job_and_exits_with_zero(station: Station) -> None:
    worker = station.start_worker("worker-1")
    station.engine.go.clear()
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    worker.send_signal(signal.SIGTERM)
    await station.until(lambda: "draining" in station.log("worker-1"))
    late = station.send()
    station.engine.go.set()
    assert await station.ended(worker) == 0
    assert station.status(asked) is JobStatus.DONE
    assert station.status(late) is JobStatus.QUEUED
    assert not station.api.snapshot().worker_ready


async def test_a_second_sigterm_hands_the_job_back_at_once(station: Station) -> None:
    worker = station.start_worker("worker-1", DRAIN_GRACE_S="3600")
    station.engine.go.clear()
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    worker.send_signal(signal.SIGTERM)
    await station.until(lambda: "draining" in station.log("worker-1"))
    worker.send_signal(signal.SIGTERM)
    told = time.monotonic()
    assert await station.ended(worker) == 0
    assert time.monotonic() - told < AT_ONCE_S
    assert station.status(asked) is JobStatus.QUEUED


@on_sqs
async def test_sqs_away_is_said_once_and_new_jobs_are_served_when_it_is_back(station: SqsStation) -> None:
    station.start_worker("worker-1")
    first = station.send()
    await station.until_status(first, JobStatus.DONE)
    station.aws.fail("sqs:ReceiveMessage", "ServiceUnavailable", times=3, status=503)
    await station.until(lambda: "queue is back" in station.log("worker-1"))
    assert station.log("worker-1").count('"queue away"') == 1
    second = station.send()
    await station.until_status(second, JobStatus.DONE)
    assert station.engine.asked == [first.prompt, second.prompt]


@on_redis
async def test_redis_that_restarts_empty_is_said_once_and_new_jobs_are_served(station: RedisStation) -> None:
    station.start_worker("worker-1")
    await station.until(lambda: station.api.snapshot().worker_ready)
    forgotten = station.send()
    await station.until_status(forgotten, JobStatus.DONE)
    station.redis.restart()
    await station.until(lambda: station.api.snapshot().worker_ready)
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    assert station.log("worker-1").count("queue away") <= 1
    assert station.api.look(forgotten.id, ALICE).view is None, "what Redis forgot is not found; its reply stays in S3"
    assert station.reply(forgotten).text == "hello"


@on_redis
async def test_a_worker_that_starts_before_redis_waits_for_it(station: RedisStation) -> None:
    port = station.redis.port
    station.redis.kill()
    station.start_worker("early")
    await station.until(lambda: "queue away" in station.log("early"))
    station.redis.restart()
    assert station.redis.port == port
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)


async def test_s3_refusing_the_reply_for_a_while_costs_no_reply(station: Station) -> None:
    station.start_worker("worker-1")
    station.aws.fail("s3:PutObject", "SlowDown", times=2)
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    assert station.reply(asked).text == "hello"
    assert station.engine.asked == [asked.prompt], "the client's own retries suffice: nothing is generated twice"


async def test_s3_refusing_for_good_fails_the_job_and_says_why(station: Station) -> None:
    station.start_worker("worker-1")
    station.aws.fail("s3:PutObject", "AccessDenied", times=None)
    asked = station.send()
    await station.until_status(asked, JobStatus.FAILED)
    assert station.view(asked).error == "reply_store_unavailable"


@on_redis
async def test_a_bad_environment_is_named_and_exits_with_two(station: RedisStation) -> None:
    worker = station.start_worker("broken", WORKER_SLOTS="many", ENGINE_URL="")
    assert await station.ended(worker) == 2
    assert "WORKER_SLOTS" in station.log("broken")
    assert "ENGINE_URL" in station.log("broken")
    assert "Traceback" not in station.log("broken")

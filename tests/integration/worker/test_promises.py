"""What users may rely on, with real processes, on Redis and on SQS: one end, one reply, nobody behind the dead."""

import json
import signal
import time

import pytest

from tests.factories import ALICE, reply
from tests.integration.worker.station import BUCKET, LEASE_S, Station
from tinyllama.adapters.s3_replies import S3Replies
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.ports import CancelCode


async def test_a_job_that_kills_three_workers_is_dead_blocks_nobody_and_a_reply_that_stood_is_not_lost(
    station: Station,
) -> None:
    station.engine.go.clear()
    poison, answered = station.send(prompt="poison"), station.send(prompt="answered")
    # As if the last of its attempts had died between the reply and the state.
    await S3Replies(station.s3, BUCKET).put(reply(answered.id, "it stood"))
    for number in range(3):
        victim = station.start_worker(f"victim-{number}")
        await station.until(lambda tries=number + 1: len(station.engine.asked) == 2 * tries)  # type: ignore[misc]
        victim.send_signal(signal.SIGKILL)
        await station.ended(victim)
    station.engine.go.set()
    station.start_worker("heir")
    behind = station.send(prompt="behind")
    await station.until_status(behind, JobStatus.DONE)
    await station.until_status(poison, JobStatus.FAILED)
    await station.until_status(answered, JobStatus.DONE)
    assert station.view(poison) == JobView(status=JobStatus.FAILED, error="worker_died")
    assert (station.reply(poison).text, station.reply(poison).error) == ("", "worker_died")
    assert station.view(answered) == JobView(status=JobStatus.DONE, text="it stood")
    assert station.reply(answered).text == "it stood"
    assert station.dead_letters() == [(poison.id, "worker_died")]
    assert station.engine.asked.count("poison") == 3


async def test_a_dead_worker_s_job_is_taken_over_within_twice_the_lease(station: Station) -> None:
    lease_s = 2 * LEASE_S
    station.engine.go.clear()
    victim = station.start_worker("victim", LEASE_S=str(lease_s))
    station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    station.start_worker("heir", LEASE_S=str(lease_s))
    await station.until(lambda: '"ready"' in station.log("heir"))
    victim.send_signal(signal.SIGKILL)
    died = time.monotonic()
    await station.until(lambda: len(station.engine.asked) == 2)
    assert time.monotonic() - died < 2 * lease_s


async def test_cancelling_stops_the_engine_within_a_second_and_in_the_queue_at_once(station: Station) -> None:
    station.engine.go.clear()
    station.start_worker("one", WORKER_SLOTS="1")
    running = station.send(prompt="running")
    await station.until(lambda: len(station.engine.asked) == 1)
    queued, behind = station.send(prompt="queued"), station.send(prompt="behind")
    assert station.api.cancel(queued.id, ALICE) is CancelCode.CANCELLED
    assert station.api.cancel(running.id, ALICE) is CancelCode.CANCELLED
    cancelled = time.monotonic()
    await station.until(lambda: station.engine.hung_up == 1)
    assert time.monotonic() - cancelled < 1
    station.engine.go.set()
    await station.until_status(behind, JobStatus.DONE)
    assert station.engine.asked == ["running", "behind"]
    assert [station.status(each) for each in (running, queued)] == [JobStatus.CANCELLED] * 2
    assert station.reply_writes() == 1


async def test_an_expired_job_is_never_generated_and_its_owner_is_told(station: Station) -> None:
    expired = station.send(prompt="expired")
    await station.outlive(expired)
    station.start_worker("one")
    behind = station.send(prompt="behind")
    await station.until_status(behind, JobStatus.DONE)
    assert station.engine.asked == ["behind"]
    await station.until(lambda: station.kept(expired) == "expired")  # the worker that met it has written it down
    assert station.status(expired) is JobStatus.EXPIRED
    assert station.api.snapshot().depth == 0


async def test_what_the_grace_time_does_not_suffice_for_is_handed_back_and_done_by_the_next_worker(
    station: Station,
) -> None:
    station.engine.go.clear()
    first = station.start_worker("first", DRAIN_GRACE_S="0.2")
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    first.send_signal(signal.SIGTERM)
    assert await station.ended(first) == 0
    assert station.status(asked) is JobStatus.QUEUED
    station.engine.go.set()
    station.start_worker("second")
    await station.until_status(asked, JobStatus.DONE)
    assert station.tries(asked) == 1, "it cost the job no try"


@pytest.mark.parametrize("settings", [{"ENGINE_TIMEOUT_S": "0.3"}, {"ATTEMPT_MAX_S": "0.3"}])
async def test_an_engine_that_hangs_is_bounded_per_silence_and_in_total(
    station: Station, settings: dict[str, str]
) -> None:
    station.engine.go.clear()
    station.start_worker("one", **settings)
    asked = station.send()
    await station.until_status(asked, JobStatus.FAILED)
    silence = "ENGINE_TIMEOUT_S" in settings
    assert station.view(asked).error == ("engine_timeout" if silence else "generation_too_long")
    assert station.engine.asked.count(asked.prompt) == (3 if silence else 1)
    failed = [json.loads(line) for line in station.log("one").splitlines() if "attempt failed" in line]
    assert len(failed) == (3 if silence else 1), "each is counted in the log"

"""A Redis that is full or slow: what the worker and the API make of it, and how much is said."""

import asyncio

import pytest

from tests.integration.worker.station import RedisStation, on_redis
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import JobStatus

pytestmark = on_redis


async def test_a_full_redis_refuses_new_jobs_lets_running_ones_end_and_is_said_once(station: RedisStation) -> None:
    station.engine.go.clear()
    station.start_worker("one", WORKER_SLOTS="2")
    running = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    station.link.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(QueueUnavailableError, match="OOM"):
        station.send()
    station.engine.go.set()
    await station.until_status(running, JobStatus.DONE)
    assert station.reply(running).text == "hello"
    await station.until(lambda: "queue away" in station.log("one"))  # the heartbeat is refused
    await asyncio.sleep(1)  # several tries, and claims that work in between
    station.link.ask("CONFIG", "SET", "maxmemory", "0")
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    await station.until(lambda: "queue is back" in station.log("one"))
    assert station.log("one").count("queue away") == station.log("one").count("queue is back") == 1


async def test_a_redis_that_stands_still_for_longer_than_the_lease_costs_no_job_and_no_second_reply(
    station: RedisStation,
) -> None:
    station.start_worker("one")
    station.start_worker("two")
    station.engine.go.clear()
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    station.redis.pause()
    await asyncio.sleep(1.5)
    station.engine.go.set()
    station.redis.resume()
    await station.until_status(asked, JobStatus.DONE)
    assert station.reply(asked).text == "hello"
    assert station.reply_writes() == 1

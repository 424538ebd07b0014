"""The worker's promises on SQS, with real processes: the very tests that hold it to them on Redis."""

import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from local.aws.server import REGION
from local.redis_server import RedisServer
from tests.contract.sqs_world import SqsWorld
from tests.integration.worker.conftest import Engine, Station
from tests.integration.worker.test_faults import (
    test_a_job_whose_worker_is_killed_is_finished_by_the_next_one_once,
    test_a_second_sigterm_hands_the_job_back_at_once,
    test_a_worker_that_was_only_paused_does_not_touch_the_newer_result,
    test_s3_refusing_for_good_fails_the_job_and_says_why,
    test_s3_refusing_the_reply_for_a_while_costs_no_reply,
    test_sigterm_finishes_the_running_job_and_exits_with_zero,
)
from tinyllama.domain.jobs import JobStatus

__all__ = [
    "test_a_job_whose_worker_is_killed_is_finished_by_the_next_one_once",
    "test_a_second_sigterm_hands_the_job_back_at_once",
    "test_a_worker_that_was_only_paused_does_not_touch_the_newer_result",
    "test_s3_refusing_for_good_fails_the_job_and_says_why",
    "test_s3_refusing_the_reply_for_a_while_costs_no_reply",
    "test_sigterm_finishes_the_running_job_and_exits_with_zero",
]


class SqsStation(Station):
    """A station whose queue is SQS; its Redis is never started."""

    def __init__(self, world: SqsWorld, engine: Engine, folder: Path) -> None:
        super().__init__(world.aws, RedisServer(port=1), engine, folder)
        self.world = world
        self.api: Any = world.admissions()

    def start_worker(self, name: str, **settings: str) -> "subprocess.Popen[bytes]":
        queue = {"TL_QUEUE": "sqs", "QUEUE_URL": self.world.queue_url, "QUEUE_TABLE": self.world.table_name}
        return super().start_worker(name, AWS_REGION=REGION, **queue, **settings)


@pytest.fixture
async def station(world: SqsWorld, tmp_path: Path) -> AsyncIterator[SqsStation]:
    async with Engine().serving() as engine:
        made = SqsStation(world, engine, tmp_path)
        yield made
        for worker in made.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
            worker.wait()


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


async def test_cancelling_stops_the_engine_within_a_second(station: SqsStation) -> None:
    station.start_worker("worker-1")
    station.engine.go.clear()
    asked = station.send()
    await station.until(lambda: len(station.engine.asked) == 1)
    station.api.cancel(asked.id, asked.sub)
    await station.until(lambda: station.engine.hung_up == 1)
    assert station.status(asked) is JobStatus.CANCELLED

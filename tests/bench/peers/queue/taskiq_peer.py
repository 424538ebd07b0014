"""taskiq on a stream (acknowledged) or a list (not), as the environment says; uvloop, 100 jobs at once, no results."""

import os

from taskiq_redis import ListQueueBroker, RedisStreamBroker

from tests.bench.peers.queue.bell import REDIS, ring

broker = (ListQueueBroker if os.environ.get("BENCH_TASKIQ") == "list" else RedisStreamBroker)(os.environ[REDIS])
_started: list[bool] = []


async def handle(number: int) -> None:
    """Handle a job."""
    ring(number)


noop = broker.task(task_name="noop")(handle)


async def enqueue(number: int) -> None:
    """Add a job."""
    if not _started:
        _started.append(True)
        await broker.startup()
    await noop.kiq(number)

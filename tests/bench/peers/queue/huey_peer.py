"""Huey with its blocking Redis storage and 10 threads (fewer or 50 do less); it keeps no result of None by default."""

import os

from huey import RedisHuey

from tests.bench.peers.queue.bell import REDIS, ring

huey = RedisHuey("bench", url=os.environ[REDIS])
noop = huey.task(name="noop")(ring)


def enqueue(number: int) -> None:
    """Add a job."""
    noop(number)

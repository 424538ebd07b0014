"""Dramatiq in one process of 50 threads (8 by default); it keeps no results unless told to."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.bench.peers.queue.bell import REDIS, ring

broker = RedisBroker(url=os.environ[REDIS])
dramatiq.set_broker(broker)
noop = dramatiq.actor(ring, actor_name="noop")


def enqueue(number: int) -> None:
    """Add a job."""
    noop.send(number)

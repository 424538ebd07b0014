"""Celery on Redis with a pool of 10 threads, without gossip, mingling, heartbeats and rate limits; results in Redis."""

import os

from celery import Celery

from tests.bench.peers.queue.bell import REDIS, ring

app = Celery("bench", broker=os.environ[REDIS], backend=os.environ[REDIS])
app.conf.update(worker_prefetch_multiplier=10, worker_disable_rate_limits=True, broker_connection_retry_on_startup=True)
noop = app.task(name="noop")(ring)


def enqueue(number: int) -> None:
    """Add a job."""
    noop.delay(number)

"""RQ with `SimpleWorker`, which does not fork (its documentation's advice for short jobs); results as by default."""

import os

from redis import Redis
from rq import Queue, SimpleWorker

from tests.bench.peers.queue.bell import REDIS, ring

connection = Redis.from_url(os.environ[REDIS])
queue = Queue(connection=connection)


def enqueue(number: int) -> None:
    """Add a job."""
    queue.enqueue(ring, number)


if __name__ == "__main__":
    SimpleWorker([queue], connection=connection).work(logging_level="ERROR")

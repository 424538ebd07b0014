"""The floor: XADD, XREADGROUP, XACK with redis-py and hiredis, one job at a time; no promise beyond that."""

import os
from typing import Any

import redis

from tests.bench.peers.queue.bell import REDIS, ring

client: Any = redis.Redis.from_url(os.environ[REDIS])
KEY, GROUP = "floor", "floor"


def enqueue(number: int) -> None:
    """Add a job."""
    client.xadd(KEY, {"number": number})


def work() -> None:
    """For ever: take a job, handle it, acknowledge it."""
    client.xgroup_create(KEY, GROUP, id="0", mkstream=True)
    while True:
        for _, entries in client.xreadgroup(GROUP, "one", {KEY: ">"}, count=1, block=1000) or ():
            for entry, fields in entries:
                ring(int(fields[b"number"]))
                client.xack(KEY, GROUP, entry)


if __name__ == "__main__":
    work()

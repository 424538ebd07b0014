"""SAQ with hiredis and uvloop, 50 jobs at once; state and results as by default."""

import asyncio
import os
from typing import Any

import uvloop
from saq import Queue

from tests.bench.peers.queue.bell import REDIS, ring

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
queue = Queue.from_url(os.environ[REDIS])


async def noop(_context: dict[str, Any], *, number: int) -> None:
    """Handle a job."""
    ring(number)


async def enqueue(number: int) -> None:
    """Add a job."""
    await queue.enqueue("noop", number=number)


settings = {"queue": queue, "functions": [noop], "concurrency": 50}

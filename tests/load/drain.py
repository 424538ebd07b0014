"""A worker without a model: takes every job through the real queue adapter and is done with it at once.

So the API alone is measured. With a model on the same two cores the engine would be, and without a worker the queue
would be full after half a second.
"""

import asyncio
import sys
import time

from tests.load.tokens import LIFE_S
from tinyllama.adapters.redis_dispatch import RedisDispatch, connect
from tinyllama.domain.jobs import JobStatus
from tinyllama.ports import Heartbeat, Outcome

BEAT_S, BATCH = 3.0, 50
_DONE = Outcome(JobStatus.DONE, "Hi.")


async def drain(port: int) -> None:
    """Work until the process is ended; says so once it is ready."""
    beat = Heartbeat("load", "none", slots=BATCH, busy=0, ready=True)
    dispatch = RedisDispatch(connect("127.0.0.1", port), beat.name)
    await dispatch.open()
    next_beat, end = 0.0, time.monotonic() + LIFE_S
    while (now := time.monotonic()) < end:
        if now >= next_beat:
            await dispatch.announce(beat)
            if not next_beat:
                sys.stdout.write("ready\n")
                sys.stdout.flush()
            next_beat = now + BEAT_S
        claims = await dispatch.claim(BATCH, wait_s=1.0)
        for claim in claims.run:
            await dispatch.settle(claim, _DONE)


if __name__ == "__main__":
    asyncio.run(drain(int(sys.argv[1])))

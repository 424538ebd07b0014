"""Our worker on an engine that answers at once, whatever the queue.

Everything is on: lease, fence, state, the sign of use on disk, the log. The reply store keeps nothing, as the peers'
results never leave Redis.
"""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from tests.bench.peers.queue.bell import ring
from tinyllama.domain.replies import Reply
from tinyllama.ports import Chunk, Dispatch
from worker.activity import Recorder
from worker.attempt import Workbench
from worker.loop import Worker


class InstantEngine:
    """An `Engine` that says one word at once."""

    model = "instant"

    async def healthy(self) -> bool:
        """Always."""
        return True

    async def generate(self, prompt: str) -> AsyncIterator[Chunk]:
        """The handler."""
        ring(int(prompt))
        yield Chunk("done")

    async def close(self) -> None:
        """Nothing to let go of."""


class NoReplies:
    """A `ReplyStore` that keeps nothing."""

    async def put(self, reply: Reply) -> Reply:
        """Pretend."""
        return reply


async def _work(queue: Callable[[str], Dispatch], slots: int, used: Path) -> None:
    name = f"bench-{os.getpid()}"
    dispatch = queue(name)
    worker = Worker(name, slots, Workbench(dispatch, InstantEngine(), NoReplies(), Recorder(used)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.drain)
    gc.collect()
    gc.freeze()
    await worker.run()
    await dispatch.close()


def work(queue: Callable[[str], Dispatch], slots: int) -> None:
    """Until SIGTERM, wired as `python -m worker` does it; `queue` gives the worker of a name its side of the queue."""
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(queue, slots, Path(folder) / "used"))

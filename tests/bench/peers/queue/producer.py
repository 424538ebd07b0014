"""A producer in a process of its own: `python -m tests.bench.peers.queue.producer MODULE`.

Reads lines `latency JOBS PAUSE_S` and `rate IN_FLIGHT SECONDS`, and answers each with a line of JSON. It is a closed
loop: a job is added when the handler of another one has started. Synchronous or not, as the queue's own client is.
"""

import asyncio
import importlib
import inspect
import itertools
import json
import os
import select
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.bench.peers.queue.bell import hear, open_bell

LOST_S = 10.0
"""A job whose handler has not started after this is lost."""


class Synchronous:
    """Adds jobs by a function that returns when the job is queued."""

    def __init__(self, enqueue: Callable[[int], None], bell: int) -> None:
        self._enqueue, self._bell, self._numbers = enqueue, bell, itertools.count()

    def _hear(self) -> list[tuple[Any, ...]]:
        if not select.select([self._bell], [], [], LOST_S)[0]:
            raise TimeoutError("no handler started")
        return list(hear(self._bell))

    def latency(self, jobs: int, pause_s: float) -> list[int]:
        """Nanoseconds from before the call that adds a job to the start of its handler."""
        return [self._one(pause_s) for _ in range(jobs)]

    def _one(self, pause_s: float) -> int:
        time.sleep(pause_s)
        asked_ns = time.monotonic_ns()
        self._enqueue(next(self._numbers))
        [(_, started_ns)] = self._hear()
        return int(started_ns - asked_ns)

    def rate(self, in_flight: int, seconds: float) -> float:
        """Handlers started per second."""
        for _ in range(in_flight):
            self._enqueue(next(self._numbers))
        started, handled = time.monotonic(), 0
        while time.monotonic() - started < seconds:
            for _ in self._hear():
                handled += 1
                self._enqueue(next(self._numbers))
        taken, left = time.monotonic() - started, in_flight
        while left:
            left -= len(self._hear())
        return handled / taken


class Asynchronous:
    """Adds jobs by a coroutine."""

    def __init__(self, enqueue: Callable[[int], Awaitable[None]], bell: int) -> None:
        self._enqueue, self._bell, self._numbers = enqueue, bell, itertools.count()
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._loop.add_reader(bell, self._heard)

    def _heard(self) -> None:
        for number, started_ns in hear(self._bell):
            self._waiting.pop(number).set_result(started_ns)

    async def _handled(self) -> int:
        number, asked_ns = next(self._numbers), time.monotonic_ns()
        future = self._waiting[number] = self._loop.create_future()
        await self._enqueue(number)
        return int(await future - asked_ns)

    def latency(self, jobs: int, pause_s: float) -> list[int]:
        """Nanoseconds from before the call that adds a job to the start of its handler."""

        async def run() -> list[int]:
            taken = []
            for _ in range(jobs):
                await asyncio.sleep(pause_s)
                taken.append(await asyncio.wait_for(self._handled(), LOST_S))
            return taken

        return self._loop.run_until_complete(run())

    def rate(self, in_flight: int, seconds: float) -> float:
        """Handlers started per second."""

        async def keep_one(until: float) -> int:
            handled = 0
            while time.monotonic() < until:
                await self._handled()
                handled += 1
            return handled

        async def run() -> float:
            started = time.monotonic()
            async with asyncio.timeout(seconds + LOST_S):
                counts = await asyncio.gather(*(keep_one(started + seconds) for _ in range(in_flight)))
            return sum(counts) / (time.monotonic() - started)

        return self._loop.run_until_complete(run())


def main(module: str) -> None:
    """Serve until the input ends."""
    bell = open_bell()
    enqueue: Any = importlib.import_module(module).enqueue
    producer = (Asynchronous if inspect.iscoroutinefunction(enqueue) else Synchronous)(enqueue, bell)
    for line in sys.stdin:
        what, count, seconds = line.split()
        answer = getattr(producer, what)(int(count), float(seconds))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os.close(bell)


if __name__ == "__main__":
    main(sys.argv[1])

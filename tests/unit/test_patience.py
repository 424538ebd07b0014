"""Waiting for a queue that is away: how long, and how much is said about it."""

import pytest

from tinyllama.domain.errors import QueueUnavailableError
from worker.patience import Patience


class Queue:
    """Two kinds of calls, each of which works or not."""

    def __init__(self) -> None:
        self.full = self.away = False

    async def write(self) -> str:
        if self.full or self.away:
            raise QueueUnavailableError("OOM")
        return "written"

    async def read(self) -> str:
        if self.away:
            raise QueueUnavailableError("refused")
        return "read"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_queue_that_takes_reads_and_refuses_writes_is_said_to_be_away_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue, patience = Queue(), Patience()
    queue.full = True
    for _ in range(10):
        assert await patience.once(queue.write) is None
        assert await patience.once(queue.read) == "read"
    queue.full = False
    assert await patience.once(queue.write) == "written"
    out = capsys.readouterr().out
    assert out.count("queue away") == 1
    assert out.count("queue is back") == 1


async def test_a_call_that_is_never_made_again_does_not_keep_the_queue_away_for_ever(
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue, clock = Queue(), Clock()
    patience = Patience(clock=clock)
    queue.away = True
    await patience.once(queue.write)
    queue.away = False
    await patience.once(queue.read)
    assert "queue is back" not in capsys.readouterr().out
    clock.now = 31.0
    await patience.once(queue.read)
    assert capsys.readouterr().out.count("queue is back") == 1


async def test_the_waits_grow_to_a_limit_and_differ_by_chance() -> None:
    queue, waits = Queue(), list[float]()
    queue.away = True

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        queue.away = len(waits) < 200

    assert await Patience(first_s=0.1, most_s=5.0, sleep=sleep).until_back(queue.read) == "read"
    assert all(wait <= min(5.0, 0.1 * 2**number) for number, wait in enumerate(waits))
    assert max(waits) > 2.5, "they grow"
    assert len({round(wait, 6) for wait in waits}) > 150, "workers that lost the queue together do not return together"

"""How long somebody waits: for the platform after `tl up`, and for the model after a start event."""

import statistics
import time
from collections.abc import Sequence

from local.client import Client
from tests.bench.rows import Goal, Row, row
from tests.bench.running import Queue, platform, wake
from tests.bench.timing import Tell, span

REPETITIONS = 5
SETTLE_S = 1.0
"""What the node of the first start needs to end: it shall not share the processor with the second."""
_THREE_SECONDS = Goal("ours", "<=", 3.0)


def measure(tell: Tell) -> Sequence[Row]:
    """Both times in each of several lives of the platform."""
    first, ready = [], []
    for number in range(REPETITIONS):
        tell(f"start {number + 1} of {REPETITIONS}")
        accepted_s, awake_s = _one_life()
        first.append(accepted_s)
        ready.append(awake_s)
    return [
        _row("`tl up` to the first accepted request", first),
        _row("start event to a worker with its model loaded", ready),
    ]


def _one_life() -> tuple[float, float]:
    """Seconds until the first 202, and until a worker was ready after the second start of the node.

    The second: the first one still shares the processor with the start of everything else.
    """
    started = time.perf_counter()
    with platform() as state, Client.of_state(state) as client:
        client.cancel(client.infer("Say hi.", idle=30).id)
        accepted_s = time.perf_counter() - started
        queue = Queue(state)
        queue.await_worker(ready=True)
        client.stop()
        queue.await_worker(ready=False)
        time.sleep(SETTLE_S)
        return accepted_s, wake(client, queue)


def _row(what: str, taken: Sequence[float]) -> Row:
    return row(f"startup: {what}", statistics.median(taken), None, "s", goal=_THREE_SECONDS, spread=span(taken))

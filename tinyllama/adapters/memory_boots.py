"""Boot times in memory, measured by `MemoryDispatch.announce`."""

from collections.abc import Sequence

from tinyllama.adapters.memory_queue import MemoryQueue


class MemoryBootTimes:
    """`BootTimes` in memory."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue

    def begin(self) -> None:
        self._queue.woken_at = self._queue.clock()

    def recent(self) -> Sequence[float]:
        return tuple(self._queue.boots_s)

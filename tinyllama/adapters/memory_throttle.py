"""A throttle in this process, for the time in which the queue that keeps the real one is away."""

import time
from collections import OrderedDict
from collections.abc import Callable

from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import Allowance, Bucket, spend

MOST_BUCKETS = 10_000


class MemoryThrottle:
    """`Throttle` in memory. Each Lambda container has its own, so together they let more through than the real one."""

    def __init__(self, limits: QueueLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or QueueLimits()
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, Allowance], Bucket] = OrderedDict()

    def spend(self, sub: str, allowance: Allowance) -> bool:
        key, policy = (sub, allowance), self._limits.policy(allowance)
        self._buckets[key], allowed = spend(self._buckets.get(key), policy, round(self._clock() * 1000))
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return allowed

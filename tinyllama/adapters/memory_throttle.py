"""A throttle in this process, for the time in which the queue that keeps the real one is away."""

import time
from collections import OrderedDict
from collections.abc import Callable

from tinyllama.domain.throttle import INFER_POLICY, Bucket, ThrottlePolicy, spend

MOST_USERS = 10_000


class MemoryThrottle:
    """`Throttle` in memory. Each Lambda container has its own, so together they let more through than the real one."""

    def __init__(self, policy: ThrottlePolicy = INFER_POLICY, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def spend(self, sub: str) -> bool:
        bucket, allowed = spend(self._buckets.get(sub), self._policy, round(self._clock() * 1000))
        self._buckets[sub] = bucket
        self._buckets.move_to_end(sub)
        if len(self._buckets) > MOST_USERS:
            self._buckets.popitem(last=False)
        return allowed

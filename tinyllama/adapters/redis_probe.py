"""Measures how fast Redis answers, and asks it what it thinks is wrong."""

import time
from collections.abc import Callable

from tinyllama.adapters.redis_scripts import Link
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.queue_health import Measurement


class RedisProbe:
    """`QueueProbe` on Redis. `clock` gives seconds."""

    def __init__(self, link: Link, clock: Callable[[], float] = time.perf_counter) -> None:
        self._link = link
        self._clock = clock

    def measure(self) -> Measurement:
        try:
            self._link.ask("PING")  # whatever connecting costs is not the queue's latency
            started = self._clock()
            self._link.ask("PING")
            latency_ms = (self._clock() - started) * 1000
            doctor = self._link.ask("LATENCY", "DOCTOR")
        except QueueUnavailableError as error:
            return Measurement(error=str(error))
        return Measurement(latency_ms, str(doctor))

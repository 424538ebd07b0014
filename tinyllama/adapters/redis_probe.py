"""Measures how fast Redis answers, and asks it what it thinks is wrong."""

import time
from collections.abc import Callable

import redis

from tinyllama.domain.queue_health import Measurement


class RedisProbe:
    """`QueueProbe` on Redis. `clock` gives seconds."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], float] = time.perf_counter) -> None:
        self._client = client
        self._clock = clock
        # redis-py refuses `latency_doctor()`, since it has no parser for the answer: it is prose.
        self._ask: Callable[[str], object] = client.execute_command

    def measure(self) -> Measurement:
        try:
            self._client.ping()  # whatever connecting costs is not the queue's latency
            started = self._clock()
            self._client.ping()
            latency_ms = (self._clock() - started) * 1000
            doctor = self._ask("LATENCY DOCTOR")
        except redis.RedisError as error:
            return Measurement(error=f"{type(error).__name__}: {error}")
        return Measurement(latency_ms, str(doctor))

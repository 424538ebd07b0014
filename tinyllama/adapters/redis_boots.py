"""Boot times in Redis: noted by the router when it starts a node, measured by `heartbeat.lua`."""

from collections.abc import Callable, Sequence
from typing import Any

import redis

from tinyllama.adapters.redis_scripts import BOOTS, WOKEN, source
from tinyllama.domain.boots import BOOT_MAX_S
from tinyllama.domain.errors import QueueUnavailableError


class RedisBootTimes:
    """`BootTimes` on Redis 6.2."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._begin: Callable[..., Any] = client.register_script(source("woken"))

    def begin(self) -> None:
        try:
            self._begin([WOKEN], (BOOT_MAX_S,))
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error

    def recent(self) -> Sequence[float]:
        try:
            found: Any = self._client.lrange(BOOTS, 0, -1)
        except redis.RedisError as error:
            raise QueueUnavailableError(f"{type(error).__name__}: {error}") from error
        return tuple(int(boot_ms) / 1000 for boot_ms in found)

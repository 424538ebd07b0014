"""Boot times in Redis: noted by the router when it starts a node, measured by `heartbeat.lua`."""

from collections.abc import Sequence

from tinyllama.adapters.redis_scripts import BOOTS, WOKEN, Link
from tinyllama.domain.boots import BOOT_MAX_S


class RedisBootTimes:
    """`BootTimes` on Redis 6.2."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def begin(self) -> None:
        self._link.run("woken", [WOKEN], (BOOT_MAX_S,))

    def recent(self) -> Sequence[float]:
        return tuple(int(boot_ms) / 1000 for boot_ms in self._link.ask("LRANGE", BOOTS, 0, -1))

"""`python -m tests.chaos.victim`: the real worker, with an engine beside it, and a clock that may be wrong.

`CHAOS_SKEW_S` is by how much. `CHAOS_BREAK` takes one promise away, so that a test can see whether the judge notices:
`fence` or `reclaim`.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.chaos import engine


def main() -> int:
    """Run it."""
    os.environ["ENGINE_URL"] = engine.start()
    _skew(float(os.environ.get("CHAOS_SKEW_S", "0")))
    _SABOTAGE[os.environ.get("CHAOS_BREAK", "")]()
    # Imported late: defaults such as `now=time.time` are bound then, and have to see the wrong clock.
    from worker.service import main as work  # noqa: PLC0415

    return work()


def _skew(seconds: float) -> None:
    right, right_ns = time.time, time.time_ns
    if seconds:
        time.time = lambda: right() + seconds
        time.time_ns = lambda: right_ns() + round(seconds * 1e9)


def _no_fence() -> None:
    from redis.asyncio import Redis  # noqa: PLC0415

    from tinyllama.adapters.redis_dispatch import RedisDispatch  # noqa: PLC0415

    intact = RedisDispatch.settle
    client: Any = Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]))

    async def settle(self: Any, claim: Any, outcome: Any) -> bool:
        if not await intact(self, claim, outcome):
            await client.hset(f"state:{claim.job.id}", mapping={"status": outcome.status, "text": outcome.text})
        return True

    async def renew(self: Any, claims: Any) -> frozenset[str]:
        return frozenset(claim.job.id for claim, _ in claims)

    RedisDispatch.settle = settle  # type: ignore[method-assign]
    RedisDispatch.renew = renew  # type: ignore[method-assign]


def _no_reclaim() -> None:
    from worker.loop import Worker  # noqa: PLC0415

    async def never(self: Any) -> None:
        await self._draining.wait()

    Worker._take_over = never  # type: ignore[method-assign]


_SABOTAGE: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "fence": _no_fence,
    "reclaim": _no_reclaim,
}

if __name__ == "__main__":
    sys.exit(main())

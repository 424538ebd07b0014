"""When this worker last got something done."""

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """`at` is when the engine last wrote something, in seconds since the epoch; None before the first time.

    Claiming a job is no progress, nor is failing at one: an engine that hangs must not keep its node alive.
    """

    at: float | None = None
    _begun: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """Say that a job has its first text."""
        self._begun.set()

    async def first_text(self, timeout_s: float) -> None:
        """Wait until a job has its first text, `timeout_s` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):  # unlike wait_for, without a task
                await self._begun.wait()
        self._begun.clear()

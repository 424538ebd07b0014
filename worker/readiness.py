"""Whether the engine would serve a job: what it says of itself, and what came of the last attempts."""

import asyncio

from tinyllama.domain.errors import EngineError
from tinyllama.ports import Engine
from worker.attempt import Attempt
from worker.log import log

SUSPECT_AFTER = 3
"""So many attempts in a row that the engine failed: from then on it has to prove that it writes."""
_PROOF_MAX_S = 30.0
_PROOF = "Say hello."


class Readiness:
    """Judges the engine. `ready` is false from a failed attempt until the engine was looked at again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._failures = 0
        self.ready = False
        self.doubt = asyncio.Event()
        """Set when there is a reason to look at once."""

    @property
    def suspect(self) -> bool:
        """Whether the engine fails jobs, whatever it says of itself."""
        return self._failures >= SUSPECT_AFTER

    def learn(self, attempt: Attempt) -> None:
        """Take account of an attempt that ended."""
        if attempt.engine_failed:
            # No further job may lose a try to an engine that is down: none is taken until it says that it is well.
            self._failures += 1
            self.ready = False
            self.doubt.set()
        elif attempt.text:
            self._failures = 0

    async def look(self) -> bool:
        """Ask the engine how it is; returns whether it says that it is well."""
        self.doubt.clear()
        healthy = await self._engine.healthy()
        ready = healthy and not self.suspect
        if ready != self.ready:
            log("ready" if ready else "engine away")
        self.ready = ready
        return healthy

    async def prove(self) -> bool:
        """Have a suspect engine write something, so that no user's job is spent on finding out; true if it did."""
        try:
            async with asyncio.timeout(_PROOF_MAX_S):
                async for _ in self._engine.generate(_PROOF):
                    pass
        except (EngineError, TimeoutError) as error:
            log("engine fails", failures=self._failures, message=str(error) or "it took too long")
            return False
        self._failures = 0
        return True

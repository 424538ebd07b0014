"""The two minutes' notice that EC2 gives a Spot instance before it takes it back."""

import asyncio
from collections.abc import Callable

from tinyllama.domain.errors import NodeError
from worker.log import log


class SpotWatch:
    """Asks the metadata service every `every_s`, and drains when the notice comes; with 0, never.

    A service that does not answer is said once, and asked again.
    """

    def __init__(self, every_s: float, drain: Callable[[], None]) -> None:
        self._every_s, self._drain = every_s, drain
        self._said = self._over = not every_s
        if every_s:
            # Imported here: a worker outside EC2 does not need it.
            from tinyllama.adapters.imds import Metadata  # noqa: PLC0415

            self._metadata = Metadata()

    async def look(self) -> None:
        """Ask once; before work begins, too, since the service manager may start again what has just drained."""
        if self._over:
            return
        try:
            notice = await asyncio.to_thread(self._metadata.interruption)
        except NodeError as error:
            if not self._said:
                log("no spot notices", message=str(error))
            self._said = True
            return
        self._said = False
        if notice:
            log("spot notice", action=notice.action, at=notice.at)
            self._over = True
            self._drain()

    async def watch(self) -> None:
        """Until the notice has come."""
        while not self._over:
            await asyncio.sleep(self._every_s)
            await self.look()

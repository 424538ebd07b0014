"""Waiting for a queue that is away: jittered, capped, and said once instead of at every try."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import tenacity

from tinyllama.domain.errors import QueueUnavailableError
from worker.log import log

T = TypeVar("T")


class Patience:
    """Repeats calls until the queue answers."""

    def __init__(self, *, first_s: float = 0.1, most_s: float = 5.0) -> None:
        self._wait = tenacity.wait_random_exponential(multiplier=first_s, max=most_s)
        self._away = False

    async def until_back(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, however long it takes."""
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(QueueUnavailableError),
            wait=self._wait,
            before_sleep=lambda state: self.complain(state.outcome.exception() if state.outcome else None),
        ):
            with attempt:
                result = await call()
        self._back()
        return result

    async def once(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The call's result, or None when the queue is away."""
        try:
            result = await call()
        except QueueUnavailableError as error:
            self.complain(error)
            return None
        self._back()
        return result

    def complain(self, error: BaseException | None) -> None:
        """Say that the queue is away, if that is news."""
        if not self._away:
            log("queue away", message=str(error))
        self._away = True

    def _back(self) -> None:
        if self._away:
            log("queue is back")
        self._away = False

"""Waiting for a queue that is away: jittered, capped, and said once instead of at every try."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import tenacity

from tinyllama.domain.errors import QueueUnavailableError
from worker.log import log

T = TypeVar("T")

_FORGET_S = 30.0
"""A kind of call that failed and has not been tried again for this long, does not keep the queue away."""


class Patience:
    """Repeats calls until the queue answers.

    A queue that is full refuses some kinds of calls and not others, so it is back when all that failed have worked.
    """

    def __init__(
        self,
        *,
        first_s: float = 0.1,
        most_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._wait = tenacity.wait_random_exponential(multiplier=first_s, max=most_s)
        self._clock, self._sleep = clock, sleep
        self._failing: dict[str, float] = {}

    async def until_back(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, however long it takes."""
        try:
            result = await call()  # nearly always; a loop that knows how to wait costs more than Redis does
        except QueueUnavailableError as error:
            self._complain(call, error)
            result = await self._repeat(call)
        self._answered(call)
        return result

    async def _repeat(self, call: Callable[[], Awaitable[T]]) -> T:
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(QueueUnavailableError),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=lambda state: self._complain(call, state.outcome.exception() if state.outcome else None),
        ):
            with attempt:
                result = await call()
        return result

    async def once(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The call's result, or None when the queue is away."""
        try:
            result = await call()
        except QueueUnavailableError as error:
            self._complain(call, error)
            return None
        self._answered(call)
        return result

    def _complain(self, call: Callable[[], object], error: BaseException | None) -> None:
        if not self._failing:
            log("queue away", message=str(error))
        self._failing[_kind(call)] = self._clock()

    def _answered(self, call: Callable[[], object]) -> None:
        if not self._failing:
            return
        self._failing.pop(_kind(call), None)
        since = self._clock() - _FORGET_S
        self._failing = {kind: at for kind, at in self._failing.items() if at > since}
        if not self._failing:
            log("queue is back")


def _kind(call: Callable[[], object]) -> str:
    function = call.func if isinstance(call, partial) else call
    return getattr(function, "__name__", type(function).__name__)

"""The jobs a worker has in hand: one task each, and one pulse that keeps all their leases."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from tinyllama.ports import Claim, DeadLetter
from worker.attempt import Attempt, Workbench
from worker.log import log
from worker.patience import Patience

_AFTER_TICK_S = 0.02
"""Engines' streams are read at ticks (`worker/engine_stream.py`); what they brought is published right after."""


class Slots:
    """Up to `size` attempts at once. `on_end` is called with each attempt that ended."""

    def __init__(self, size: int, bench: Workbench, patience: Patience, on_end: Callable[[Attempt], None]) -> None:
        self._size = size
        self._bench = bench
        self._patience = patience
        self._on_end = on_end
        self._running: dict[Attempt, asyncio.Task[None]] = {}
        self._some = asyncio.Event()

    @property
    def busy(self) -> int:
        """Attempts under way."""
        return len(self._running)

    @property
    def free(self) -> int:
        """Attempts that could be started."""
        return max(0, self._size - len(self._running))

    @property
    def tasks(self) -> Sequence["asyncio.Task[None]"]:
        """The attempts under way."""
        return list(self._running.values())

    def start(self, claims: Sequence[Claim]) -> None:
        """Start an attempt at each claim; one at the same job, whose lease we have let lapse, is stopped."""
        ours = {claim.job.id for claim in claims}
        for attempt, task in self._running.items():
            if attempt.claim.job.id in ours and not attempt.settling:
                task.cancel()
        for claim in claims:
            attempt = Attempt(claim, self._bench)
            self._begin(attempt, attempt.run)

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Begin to end each job whose attempts are used up. Takes slots: the reply store may be slow."""
        for letter in letters:
            attempt = Attempt(letter.claim, self._bench)
            self._begin(attempt, partial(attempt.bury, letter.reason))

    def _begin(self, attempt: Attempt, work: Callable[[], Awaitable[None]]) -> None:
        self._running[attempt] = asyncio.create_task(self._run(attempt, work))
        self._some.set()

    async def refuse(self, claims: Iterable[Claim]) -> None:
        """Hand claims back unworked; the job is queued again and keeps its number of tries."""
        await asyncio.gather(*map(self._refuse, claims))

    async def _refuse(self, claim: Claim) -> None:
        log("handed back", id=claim.job.id)
        await self._patience.once(partial(self._bench.dispatch.give_back, claim, failure=None))

    async def _run(self, attempt: Attempt, work: Callable[[], Awaitable[None]]) -> None:
        try:
            # When the queue is away the lease lapses, and the next attempt finds the reply if one stands.
            await self._patience.once(work)
        finally:
            del self._running[attempt]
            if not self._running:
                self._some.clear()
            self._on_end(attempt)

    async def pulse(self, *, every_s: float) -> None:
        """For ever: publish what has been written, renew leases, and stop what was cancelled or lost.

        All of it at every beat, also while nothing is written: a cancelled job is stopped at the next one. A job's
        first text is published at once: somebody waits for it.
        """
        clock = asyncio.get_running_loop().time
        while True:
            await self._some.wait()
            await self._bench.progress.first_text(every_s - (clock() - _AFTER_TICK_S) % every_s)
            if texts := {attempt: attempt.text for attempt in self._running if not attempt.settling}:
                await self._renew(texts)

    async def _renew(self, texts: dict[Attempt, str]) -> None:
        now = self._bench.monotonic()
        pairs = [(attempt.claim, text) for attempt, text in texts.items()]
        held = await self._patience.once(partial(self._bench.dispatch.renew, pairs))
        if held is None:
            return
        for attempt, task in [(one, self._running[one]) for one in texts if one in self._running and not one.settling]:
            if attempt.claim.job.id in held:
                attempt.held(now)
            else:
                log("stopped", id=attempt.claim.job.id, reason="cancelled, expired or taken over")
                task.cancel()

    async def hand_back(self) -> None:
        """Stop every attempt now, and hand its job back."""
        left = dict(self._running)
        for task in left.values():
            task.cancel()
        await asyncio.gather(*left.values(), return_exceptions=True)
        await self.refuse(attempt.claim for attempt in left)

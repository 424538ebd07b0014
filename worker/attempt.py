"""One attempt at one job: generate, keep the reply, settle."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tinyllama.domain.crash import places
from tinyllama.domain.errors import EngineError, QueueUnavailableError, ReplyStoreError
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.node import Activity
from tinyllama.domain.replies import Reply, Timings, Usage
from tinyllama.ports import Claim, Dispatch, Engine, Outcome, ReplyStore
from worker.log import log
from worker.progress import Progress

HELD_S = 0.1
"""For so long what the queue said of a lease still counts: about as long as storing a reply takes."""
TOUCH_AFTER_S = 0.02
"""When a running attempt records its first sign of use; one that is over sooner records only the last."""
LONGEST_TEXT = 65_536
"""Characters: sixteen for each of the most tokens that can be asked for; the queues take about a hundred thousand."""
_NOTHING = Usage(prompt_tokens=0, completion_tokens=0)


@dataclass(frozen=True, slots=True)
class Workbench:
    """What every attempt works with. `touch` records a sign of use; the clocks give seconds."""

    dispatch: Dispatch
    engine: Engine
    replies: ReplyStore
    touch: Callable[[Activity], None]
    seconds_per_minute: float = 60.0
    attempt_max_s: float = 300.0
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    progress: Progress = field(default_factory=Progress)


class Attempt:
    """Runs a claim to its end.

    `text` grows as the engine writes, and `engine_failed` tells whose fault a failure was. While it is `settling`, the
    queue ends it or takes the job back: there is nothing to renew, and that it is not held any more is no news.
    """

    def __init__(self, claim: Claim, bench: Workbench) -> None:
        self.claim = claim
        self.text = ""
        self.engine_failed = False
        self.settling = False
        self._bench = bench
        self._claimed_at = self._held_at = bench.monotonic()
        self._queued_ms = max(0, round(bench.now() * 1000) - claim.job.ts)

    async def run(self) -> None:
        """Generate and settle; a failure gives the job back. Raises only what a queue that is away raises."""
        # After the engine has its request: the file takes a millisecond, and somebody waits for the first token.
        sign = asyncio.get_running_loop().call_later(TOUCH_AFTER_S, self._touch)
        try:
            reply = await self._generate()
            await self._finish(reply)
        except EngineError as error:
            self.engine_failed = not error.final
            await self._fail(error.reason, str(error), final=error.final)
        except ReplyStoreError as error:
            await self._fail("reply_store_unavailable", str(error))
        except QueueUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 -- a bug of ours must not cost the user the job
            await self._fail("worker_error", places(error))
        finally:
            sign.cancel()
            self._touch()

    def held(self, at: float) -> None:
        """The queue has confirmed the lease; it was asked at `at`, by the bench's monotonic clock."""
        self._held_at = at

    def _touch(self) -> None:
        idle_s = self.claim.job.idle * self._bench.seconds_per_minute
        self._bench.touch(Activity(self._bench.now(), idle_s))

    def _elapsed_ms(self) -> int:
        return round((self._bench.monotonic() - self._claimed_at) * 1000)

    async def _generate(self) -> Reply:
        try:
            async with asyncio.timeout(self._bench.attempt_max_s):
                return await self._write()
        except TimeoutError:
            # Not tried again: it would take as long, and the GPU costs money by the second.
            message = f"it wrote for more than {self._bench.attempt_max_s:g} s"
            raise EngineError("generation_too_long", message, final=True) from None

    async def _write(self) -> Reply:
        first_token_ms, usage = 0, _NOTHING
        async for chunk in self._bench.engine.generate(self.claim.job.prompt):
            if chunk.text:
                if not self.text:
                    first_token_ms = self._elapsed_ms()
                    self._bench.progress.begin()
                self.text += chunk.text
                if len(self.text) > LONGEST_TEXT:
                    message = f"it wrote more than {LONGEST_TEXT} characters, whatever MAX_TOKENS says"
                    raise EngineError("generation_too_long", message, final=True)
                self._bench.progress.at = self._bench.now()
            usage = chunk.usage or usage
        return self._reply(usage, first_token_ms)

    def _reply(self, usage: Usage, first_token_ms: int) -> Reply:
        timings = Timings(queued_ms=self._queued_ms, first_token_ms=first_token_ms, total_ms=self._elapsed_ms())
        return Reply(id=self.claim.job.id, text=self.text, model=self._bench.engine.model, usage=usage, timings=timings)

    async def _finish(self, reply: Reply) -> None:
        if not await self._still_held():
            log("lost", id=self.claim.job.id, attempt=self.claim.attempt)
            return
        standing = await self._bench.replies.put(reply)
        settled = await self._settle(standing)
        log(
            standing.status.value if settled else "lost",
            id=self.claim.job.id,
            attempt=self.claim.attempt,
            **reply.usage.model_dump(),
            **reply.timings.model_dump(),
        )

    async def _still_held(self) -> bool:
        """The fence before the store: a worker that was only slow must not publish what nobody waits for."""
        if self._bench.monotonic() - self._held_at < HELD_S:
            return True
        return bool(await self._bench.dispatch.renew([(self.claim, "")]))

    async def _settle(self, standing: Reply) -> bool:
        """End the job as its reply object says, which may be another attempt's: that one, too, says how it ended."""
        self.settling = True
        outcome = Outcome(standing.status, standing.text, standing.error)
        return await self._bench.dispatch.settle(self.claim, outcome)

    async def _fail(self, reason: str, message: str, *, final: bool = False) -> None:
        job, attempt = self.claim.job, self.claim.attempt
        status: JobStatus | None = JobStatus.FAILED
        if not final:
            self.settling = True
            status = await self._bench.dispatch.give_back(self.claim, failure=reason)
            self.settling = False
        log("attempt failed", id=job.id, attempt=attempt, reason=reason, message=message, job=status)
        if status is JobStatus.FAILED:
            await self.bury(reason)

    async def bury(self, reason: str) -> None:
        """End a job whose tries are used up: with the reply that stands, or with one that says why there is no text.

        The reply comes before the state, as for a job that went well: an earlier attempt may have died in between.
        """
        reply = self._reply(_NOTHING, 0).model_copy(update={"text": "", "error": reason})
        try:
            reply = await self._bench.replies.put(reply)
        except ReplyStoreError as error:
            # The job's state in the queue says the same, so nobody waits in vain.
            log("error reply not stored", id=reply.id, message=str(error))
        settled = await self._settle(reply)
        log("buried" if settled else "lost", id=reply.id, reason=reason, job=reply.status)

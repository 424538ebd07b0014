"""The users of a storm: they send, poll, cancel, and try to see what is not theirs. All of it through the ports."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from functools import partial

from tests.chaos.plan import Errand
from tests.chaos.record import Story
from tests.chaos.world import Queue, answer
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import Job
from tinyllama.ports import Admissions, AdmitCode, CancelCode

_SENDERS = 2
_STRANGER = "sub-mallory"


class Traffic:
    """Sends every errand in its time, and watches until each has ended."""

    def __init__(self, queue: Queue, errands: Sequence[Errand]) -> None:
        self.stories: list[Story] = []
        self.refused: Counter[str] = Counter()
        self.lost_at = 0.0
        """When the queue last forgot everything, on the monotonic clock."""
        self._queue = queue
        self._errands = errands
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,), daemon=True) for n in range(_SENDERS)]
        self._threads.append(threading.Thread(target=self._watch, daemon=True))

    def start(self) -> None:
        """Begin; time counts from here."""
        self._start = time.monotonic()
        for thread in self._threads:
            thread.start()

    @property
    def sent(self) -> bool:
        """Whether every errand was sent."""
        return not any(thread.is_alive() for thread in self._threads[:_SENDERS])

    def unfinished(self) -> list[Story]:
        """Jobs that are there and whose end nobody has seen."""
        there = [story for story in list(self.stories) if story.accepted or (story.accepted is None and story.open)]
        waiting = [story for story in there if not story.first]
        return [story for story in waiting if story.accepted_at > self.lost_at]

    def finish(self) -> None:
        """Stop watching, and look at every job once more: as its owner, and as somebody else."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        api = self._queue.api()
        for story in self.stories:
            story.forgotten = story.accepted_at <= self.lost_at
            story.last = answer(partial(api.look, story.job.id, story.errand.sub)).view
            story.note(f"at the end: {story.last}")
            story.strangers += answer(partial(api.look, story.job.id, _STRANGER)).view is not None

    def _send(self, sender: int) -> None:
        apis = {short: self._queue.api(short_lived=short) for short in (False, True)}
        for errand in self._errands[sender::_SENDERS]:
            time.sleep(max(0.0, self._start + errand.at_s - time.monotonic()))
            story = Story(errand, _job(errand))
            try:
                code = apis[errand.short_lived].admit(story.job).code
                story.accepted = code is AdmitCode.ADMITTED
                story.note(f"sent: {code}")
            except QueueUnavailableError as error:
                self.refused["prompt"] += 1
                story.note(f"sent, no answer: {error}")
            story.accepted_at = time.monotonic()
            self.stories.append(story)

    def _watch(self) -> None:
        api, chance = self._queue.api(), random.Random(len(self._errands))
        while not self._stop.is_set():
            for story in [story for story in list(self.stories) if not story.first and story.accepted is not False]:
                try:
                    self._look(api, story, chance)
                except QueueUnavailableError:
                    self.refused["poll"] += 1
                    time.sleep(0.05)
            time.sleep(0.02)

    def _look(self, api: Admissions, story: Story, chance: random.Random) -> None:
        if chance.random() < 0.02:
            story.strangers += api.look(story.job.id, _STRANGER).view is not None
            story.strangers += api.cancel(story.job.id, _STRANGER) is not CancelCode.NOT_FOUND
        after = story.errand.cancel_after_s
        if after is not None and story.cancel is None and time.monotonic() >= story.accepted_at + after:
            self._cancel(api, story)
        view = api.look(story.job.id, story.errand.sub).view
        story.open = view is not None and not view.status.final
        if view and view.status.final:
            story.first, story.first_at = view, time.monotonic()
            story.note(f"first seen at its end: {view}")

    def _cancel(self, api: Admissions, story: Story) -> None:
        try:
            story.cancel = api.cancel(story.job.id, story.errand.sub)
        except QueueUnavailableError:
            story.cancel_unanswered = True
            raise
        story.note(f"cancel: {story.cancel}")


def _job(errand: Errand) -> Job:
    number = str(uuid.uuid4())
    now_ms = time.time_ns() // 1_000_000
    return Job(id=number, prompt=errand.prompt, idle=1, reply_s3=f"s3://r/{number}.json", ts=now_ms, sub=errand.sub)

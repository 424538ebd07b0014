"""One storm: the plan carried out on real processes, and what is left of the promises afterwards."""

import heapq
import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.crew import Crew
from tests.chaos.judge import Violation, judge
from tests.chaos.network import Network, inside, network
from tests.chaos.plan import Blow, Plan, Step
from tests.chaos.record import Story
from tests.chaos.store import scratch, store
from tests.chaos.traffic import Traffic
from tests.chaos.world import QUEUES, Queue
from tinyllama.domain.replies import Reply

Replies = Callable[[], dict[str, list[Reply]]]

SETTLE_S, SETTLE_MAX_S = 30.0, 120.0
"""Nothing is broken any more: when no job has ended for the first, or after the second, what has not ended is lost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, and which promises were broken."""

    plan: Plan
    stories: list[Story]
    violations: list[Violation]
    blows: Counter[str]
    died: Counter[str]
    refused: Counter[str]
    logs: dict[int, str]
    namespaces: bool
    seconds: float


def run(plan: Plan, *, queue: str = "redis", sabotage: str = "", settle_s: float = SETTLE_S) -> Outcome:
    """Carry the plan out; `sabotage` is a promise that the workers shall break (tests/chaos/victim.py)."""
    began = time.monotonic()
    with _stage(plan, queue, sabotage) as (crew, traffic, hurt, replies):
        storm = _Storm(plan, crew, traffic, hurt)
        storm.rage()
        storm.calm(settle_s)
        traffic.finish()
        crew.end()
        violations = judge(traffic.stories, replies())
        logs = {place: crew.log(place).read_text() for place in range(plan.size.workers)}
    seconds = time.monotonic() - began
    return Outcome(plan, traffic.stories, violations, storm.blows, crew.died, traffic.refused, logs, inside(), seconds)


@contextmanager
def _stage(plan: Plan, kind: str, sabotage: str) -> Iterator[tuple[Crew, Traffic, Queue, Replies]]:
    with ExitStack() as stack:
        folder: Path = stack.enter_context(scratch())
        links: Network = stack.enter_context(network(plan.size.workers))
        replies = stack.enter_context(store(folder))
        queue = QUEUES[kind](folder, replies)
        stack.callback(queue.close)
        places = range(plan.size.workers)
        settings = [
            {**queue.settings(place, links), **replies.settings(place, links), "CHAOS_BREAK": sabotage}
            for place in places
        ]
        crew = Crew(links, folder, settings, plan.skews)
        stack.callback(crew.end)
        crew.start()
        crew.wait_until_ready()
        yield crew, Traffic(queue, plan.errands), queue, replies.replies


class _Storm:
    def __init__(self, plan: Plan, crew: Crew, traffic: Traffic, queue: Queue) -> None:
        self.blows: Counter[str] = Counter()
        self._plan, self._crew, self._traffic, self._queue = plan, crew, traffic, queue
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._struck: set[tuple[bool, int]] = set()

    def rage(self) -> None:
        """Strike every blow in its time, and undo it in its time."""
        self._traffic.start()
        start = time.monotonic()
        for step in self._plan.steps:
            self._at(start + step.at_s, lambda step=step: self._strike(step))  # type: ignore[misc]
        while self._due or not self._traffic.sent:
            self._crew.tend()
            if self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
            else:
                time.sleep(0.005)

    def calm(self, settle_s: float) -> None:
        """Wait until every job has ended, or for so long that it clearly will not."""
        end = time.monotonic() + SETTLE_MAX_S
        left, until = len(self._traffic.unfinished()), time.monotonic() + settle_s
        while left and time.monotonic() < min(until, end):
            self._crew.tend()
            time.sleep(0.02)
            before, left = left, len(self._traffic.unfinished())
            if left < before:  # a slow machine is behind, and that is no lost job
                until = time.monotonic() + settle_s

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), act))

    def _strike(self, step: Step) -> None:
        victim = (step.blow in _ON_THE_QUEUE, step.target)
        if victim in self._struck:  # what is down already, cannot be hurt
            return
        self._struck.add(victim)
        self.blows[step.blow.value] += 1
        undo = self._blow(step)

        def recover() -> None:
            undo()
            self._struck.discard(victim)

        self._at(time.monotonic() + step.for_s, recover)

    def _blow(self, step: Step) -> Callable[[], None]:
        crew, queue, place = self._crew, self._queue, step.target
        match step.blow:
            case Blow.KILL | Blow.DRAIN:
                crew.leave(place)
                crew.signal(place, signal.SIGKILL if step.blow is Blow.KILL else signal.SIGTERM)
                return lambda: crew.back(place)
            case Blow.PAUSE:
                crew.signal(place, signal.SIGSTOP)
                return lambda: crew.signal(place, signal.SIGCONT)
            case Blow.CUT:
                crew.cut(place)
                return lambda: crew.mend(place)
            case Blow.QUEUE_PAUSE:
                queue.pause()
                return queue.resume
            case Blow.QUEUE_RESTART:
                queue.kill()
                return lambda: queue.restart(empty=False)
            case Blow.QUEUE_LOSS:
                queue.kill()
                return self._lose
        raise AssertionError(step.blow)

    def _lose(self) -> None:
        self._queue.restart(empty=True)
        self._traffic.lost_at = time.monotonic()


_ON_THE_QUEUE = {Blow.QUEUE_PAUSE, Blow.QUEUE_RESTART, Blow.QUEUE_LOSS}

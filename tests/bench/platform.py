"""Tokens per second through gateway, router, Redis and worker, beside the same engine called directly."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil

from local.engine import MODEL
from tests.bench.batches import Course, run, speed_rows
from tests.bench.engine_calls import Ask, Direct, ThroughPlatform, engine_url
from tests.bench.rows import Goal, Row
from tests.bench.running import Queue, platform, process_of, users, wake
from tests.bench.timing import Tell

ROUNDS = 8
OURS, DIRECT = "through the platform", "directly"
PROMPTS = (
    "Tell me a long story about a lighthouse keeper who finds a letter.",
    "Explain in detail how a steam engine works.",
    "Describe the life of a river from its spring to the sea.",
    "Write a long essay about why people build bridges.",
)
"""One a user, since each may look at jobs ten times a second only; the model has much to say on all of them."""
GENERATION = {"MAX_TOKENS": "256", "TEMPERATURE": "0"}
"""The worker's default length; without chance, so that both ways generate the same text."""
_GOAL = Goal("ratio", ">=", 0.95)


@dataclass(frozen=True, slots=True)
class Stage:
    """The running platform."""

    queue: Queue
    supervisor: psutil.Process


def measure(tell: Tell) -> Sequence[Row]:
    """One prompt at a time, and four at once."""
    with _subjects(tell) as (subjects, stage):
        return [found for at_once in (1, 4) for found in _rows(at_once, subjects, stage, tell)]


def _rows(at_once: int, subjects: Mapping[str, Ask], stage: Stage, tell: Tell) -> list[Row]:
    course = Course(
        at_once=at_once,
        rounds=ROUNDS,
        family=stage.supervisor,
        prompts=lambda number: PROMPTS[:number],
        before=stage.queue.forgive,
    )
    found = run(subjects, course, tell)
    return speed_rows(f"platform: {at_once} at once", found[OURS], found[DIRECT], _GOAL)


@contextmanager
def _subjects(tell: Tell) -> Iterator[tuple[Mapping[str, Ask], Stage]]:
    """All ways to the same engine, which is awake."""
    with ExitStack() as stack:
        state = stack.enter_context(platform(**GENERATION))
        everybody = [stack.enter_context(user) for user in users(state, len(PROMPTS))]
        queue = Queue(state)
        tell("waking the node")
        wake(everybody[0], queue)
        direct = Direct(engine_url(state), MODEL, GENERATION)
        yield {OURS: ThroughPlatform(state, everybody).ask, DIRECT: direct.ask}, Stage(queue, process_of(state))

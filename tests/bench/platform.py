"""Tokens per second through gateway, router, Redis and worker, beside the same engine called directly."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil

from local.engine import MODEL
from tests.bench.engine_calls import Ask, Direct, ThroughPlatform, engine_url
from tests.bench.neighbours import watch
from tests.bench.rows import Goal, Row, row
from tests.bench.running import Queue, platform, process_of, users, wake
from tests.bench.timing import Tell, in_turns, span

ROUNDS, MOST_ROUNDS, FEWEST_ROUNDS = 5, 15, 3
DISTURBED = 0.08
"""A batch during which others took more of the processor than this tells more about them."""
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
class Batch:
    """Tokens per second, and the share of the processor that others took meanwhile."""

    speed: float
    others: float


@dataclass(frozen=True, slots=True)
class Stage:
    """The running platform."""

    queue: Queue
    supervisor: psutil.Process


Speeds = Mapping[str, Sequence[Batch]]


def measure(tell: Tell) -> Sequence[Row]:
    """One prompt at a time, and four at once."""
    with _subjects(tell) as (subjects, stage):
        return [_row(at_once, _speeds(subjects, stage, at_once, tell)) for at_once in (1, 4)]


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


def _speeds(subjects: Mapping[str, Ask], stage: Stage, at_once: int, tell: Tell) -> Speeds:
    """Tokens per second of each round; the first round is warm-up.

    Rounds that others disturbed are measured again, up to `MOST_ROUNDS`. When too few are left, all count, and the
    goal is not judged.
    """
    rounds: dict[int, dict[str, Batch]] = {}
    for number, name in in_turns(list(subjects), MOST_ROUNDS + 1):
        if len(_undisturbed(rounds)) == ROUNDS:
            break
        tell(f"{at_once} at once, {len(_undisturbed(rounds))} of {ROUNDS} rounds undisturbed: {name}")
        stage.queue.forgive()
        rounds.setdefault(number, {})[name] = _batch(subjects[name], at_once, stage)
    kept = _undisturbed(rounds)
    if len(kept) < FEWEST_ROUNDS:
        kept = [found for number, found in rounds.items() if number and len(found) == len(subjects)]
    return {name: [found[name] for found in kept] for name in subjects}


def _undisturbed(rounds: Mapping[int, Mapping[str, Batch]]) -> list[Mapping[str, Batch]]:
    whole = [found for number, found in rounds.items() if number and len(found) > 1]
    return [found for found in whole if max(batch.others for batch in found.values()) <= DISTURBED]


def _batch(ask: Ask, at_once: int, stage: Stage) -> Batch:
    """Wall clock until the last token of the slowest."""
    others = watch(stage.supervisor)
    with ThreadPoolExecutor(at_once) as threads:
        started = time.perf_counter()
        replies = list(threads.map(ask, PROMPTS[:at_once]))
        took = time.perf_counter() - started
    share = others()
    return Batch(sum(reply.count() for reply in replies) / took, share)


def _row(at_once: int, speeds: Speeds) -> Row:
    ours, theirs = ([batch.speed for batch in speeds[name]] for name in (OURS, DIRECT))
    others = max(batch.others for batches in speeds.values() for batch in batches)
    spread = f"{span([mine / other for mine, other in zip(ours, theirs, strict=True)])}, others up to {others:.0%}"
    figures = statistics.median(ours), statistics.median(theirs)
    name, sound = f"platform: {at_once} at once, engine called directly", others <= DISTURBED
    return row(name, *figures, "tokens/s", goal=_GOAL, sound=sound, spread=spread)

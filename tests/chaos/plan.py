"""What is going to happen, drawn from a seed: which prompts are sent, and what is done to whom."""

import random
from dataclasses import dataclass
from enum import StrEnum

LEASE_S = 1.0
"""Of the workers in the storm: as short as the setting allows, so that much happens in little time."""


class Blow(StrEnum):
    """What may happen to a worker or to the queue."""

    KILL = "worker killed"
    PAUSE = "worker paused"
    CUT = "worker cut off"
    DRAIN = "worker drained"
    QUEUE_RESTART = "queue killed and restarted with its data"
    QUEUE_PAUSE = "queue paused"
    QUEUE_LOSS = "queue restarted empty"


@dataclass(frozen=True, slots=True)
class Step:
    """At `at_s` after the start, `blow` strikes worker `target` (0 for the queue), and lasts for `for_s`."""

    at_s: float
    blow: Blow
    target: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Errand:
    """A prompt that a user sends at `at_s`; `cancel_after_s` is None when the user waits for the reply."""

    at_s: float
    number: int
    sub: str
    prompt: str
    cancel_after_s: float | None
    short_lived: bool


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it. `loss` lets the queue come back empty once in the middle; `cancels` and `slow` are shares.

    A queue that never `restarts` is only paused; clocks are wrong by up to `skew_max_s`.
    """

    workers: int = 4
    jobs: int = 300
    seconds: float = 10.0
    blows: int = 15
    loss: bool = False
    cancels: float = 0.08
    slow: float = 0.05
    restarts: bool = True
    skew_max_s: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is drawn; `skews` are the seconds by which each worker's clock is wrong."""

    seed: int
    size: Size
    errands: tuple[Errand, ...]
    steps: tuple[Step, ...]
    skews: tuple[float, ...]


_SUBS = [f"sub-{name}" for name in ("ada", "bob", "cleo", "dan", "eve")]
_WORKER_BLOWS = {Blow.KILL: 5, Blow.PAUSE: 4, Blow.CUT: 4, Blow.DRAIN: 2}
_QUEUE_BLOWS = {Blow.QUEUE_RESTART: 1, Blow.QUEUE_PAUSE: 1}


def draw(seed: int, size: Size) -> Plan:
    """The plan of a seed: the same seed and size always give the same one."""
    chance = random.Random(seed)
    errands = tuple(sorted((_errand(chance, n, size) for n in range(size.jobs)), key=lambda errand: errand.at_s))
    steps = [_step(chance, size) for _ in range(size.blows)]
    # Chance may leave out what every run has to show.
    steps += [_worker_step(chance, size, blow) for blow in _WORKER_BLOWS]
    if size.loss:
        steps.append(Step(size.seconds / 2, Blow.QUEUE_LOSS, 0, 0.5))
    skews = tuple(chance.choice([0.0, chance.uniform(-size.skew_max_s, size.skew_max_s)]) for _ in range(size.workers))
    return Plan(seed, size, errands, tuple(sorted(steps, key=lambda step: step.at_s)), skews)


def _step(chance: random.Random, size: Size) -> Step:
    blows = {**_WORKER_BLOWS, **({} if size.loss else _QUEUE_BLOWS)}
    if not size.restarts:
        blows.pop(Blow.QUEUE_RESTART, None)
    [blow] = chance.choices(list(blows), list(blows.values()))
    if blow in _WORKER_BLOWS:
        return _worker_step(chance, size, blow)
    return Step(chance.uniform(0, size.seconds), blow, 0, chance.uniform(0.2, 1.5))


def _worker_step(chance: random.Random, size: Size, blow: Blow) -> Step:
    # From shorter than the lease, which nobody should notice, to so long that an heir has finished the job.
    lasts = chance.uniform(0.2, 4) * LEASE_S if blow in {Blow.PAUSE, Blow.CUT} else chance.uniform(0, 1)
    return Step(chance.uniform(0, size.seconds), blow, chance.randrange(size.workers), lasts)


def _errand(chance: random.Random, number: int, size: Size) -> Errand:
    cancel = chance.uniform(0, 0.5) if chance.random() < size.cancels else None
    return Errand(
        at_s=chance.uniform(0, size.seconds),
        number=number,
        sub=chance.choice(_SUBS),
        prompt=f"errand {number} {_conduct(chance, number, size.slow)}",
        cancel_after_s=cancel,
        short_lived=chance.random() < 0.05,
    )


def _conduct(chance: random.Random, number: int, slow: float) -> str:
    """How the engine is to treat the prompt (tests/chaos/engine.py)."""
    if number == 0:
        return "kill"
    [word] = chance.choices(["write", "refuse", "break"], [96, 1, 3])
    seconds = chance.uniform(0.5, 2.5) if chance.random() < slow else chance.uniform(0, 0.05)
    return f"{word} {seconds:.3f}"

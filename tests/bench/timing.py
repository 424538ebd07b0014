"""Measuring things side by side: in turns, so that whatever disturbs one disturbs the others too."""

import contextlib
import gc
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

Tell = Callable[[str], None]
"""Says how far a measurement has come."""


def in_turns(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Everybody once a round, in an order that reverses every round: nobody always runs on a warmer cache."""
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            yield number, name


def call_times(
    contestants: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    calls: int,
    before: Callable[[], None],
    tell: Tell,
    pause_us: int = 0,
) -> dict[str, list[list[float]]]:
    """Microseconds of each call, a list for each round; `before` each block of `calls`, everything is made alike.

    The first round is warm-up and not among the results. `pause_us` passes between two calls, off the clock: a server
    that is asked again at once has not gone to sleep, and who does least between two questions would find it awake.
    """
    taken: dict[str, list[list[float]]] = {name: [] for name in contestants}
    with quiet(), frozen_heap():
        for number, name in in_turns(list(contestants), rounds + 1):
            tell(f"round {number} of {rounds}: {name}")
            before()
            taken[name].append(_block(contestants[name], calls, pause_us * 1_000))
    return {name: blocks[1:] for name, blocks in taken.items()}


def _block(call: Callable[[], object], calls: int, pause_ns: int) -> list[float]:
    clock, taken = time.perf_counter_ns, []
    for _ in range(calls):
        ends = clock() + pause_ns
        while clock() < ends:  # not asleep, or our own core would have to wake up, too
            pass
        started = clock()
        call()
        taken.append((clock() - started) / 1000)
    return taken


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What anybody logs goes nowhere, at the same price for all."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        yield


@contextlib.contextmanager
def frozen_heap() -> Iterator[None]:
    """The collector leaves alone what exists already; what a call leaves behind stays that call's own cost."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def percentile(blocks: Sequence[Sequence[float]], percent: int) -> float:
    """A percentile over all rounds."""
    return statistics.quantiles((value for block in blocks for value in block), n=100)[percent - 1]


def ratios(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]], percent: int = 50) -> list[float]:
    """The ratio of each round's percentiles."""
    pairs = zip(ours, theirs, strict=True)
    return [percentile([mine], percent) / percentile([other], percent) for mine, other in pairs]


def decided(values: Sequence[float], bound: float, *, level: float = 0.05) -> bool:
    """Whether the median is on one side of the bound for sure: a two-sided sign test, whatever the distribution."""
    below = sum(value < bound for value in values)
    fewer = min(below, len(values) - below)
    ways = sum(math.comb(len(values), count) for count in range(fewer + 1))
    return 2 * ways <= level * float(2 ** len(values))


def span(values: Sequence[float], digits: int = 2) -> str:
    """Smallest to largest."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"

"""Measuring things side by side: in turns, so that whatever disturbs one disturbs the others too."""

import contextlib
import gc
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

Tell = Callable[[str], None]
"""Says how far a measurement has come."""
_FLIPS = 10_000


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


def decided(beyond: Sequence[float], *, level: float = 0.05) -> bool:
    """Whether the mean of what the rounds lie beyond a bound has its sign for sure, by a two-sided sign-flip test.

    Were the bound the middle, each round could as well have come out as far on its other side: of all the ways in which
    the rounds might have fallen, fewer than `level` are as lopsided as theirs.
    """
    chance, found = random.Random(0), abs(math.fsum(beyond))
    found *= 1 - 1e-9  # the same terms with other signs may differ in the last digit
    flipped = (math.fsum(chance.choice((one, -one)) for one in beyond) for _ in range(_FLIPS))
    return sum(abs(total) >= found for total in flipped) < level * _FLIPS


def two_errors(values: Sequence[float]) -> float:
    """Two standard errors of the mean: how near it would be found again, 19 times of 20."""
    return 2 * statistics.stdev(values) / math.sqrt(len(values))


def span(values: Sequence[float], digits: int = 2) -> str:
    """Smallest to largest."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"

"""The parts of the bench. A new one is a module with `measure`, and a line here."""

import importlib
from collections.abc import Callable, Sequence

from tests.bench.rows import Row
from tests.bench.timing import Tell

Measure = Callable[[Tell], Sequence[Row]]

PARTS = {
    "router": "tests.bench.router",
    "edge": "tests.bench.edge",
    "queue": "tests.bench.queue",
    "queue_sqs": "tests.bench.queue_sqs",
    "startup": "tests.bench.startup",
    "platform": "tests.bench.platform",
    "worker_engine": "tests.bench.worker_engine",
    "runbooks": "tests.bench.runbooks",
}
"""Part and module, in the order in which they run and their rows are shown."""


class UnknownPartError(Exception):
    """There is no such part; the text lists those there are."""


def chosen(names: Sequence[str]) -> list[str]:
    """The parts asked for, in their order; all when none is named.

    Raises:
        UnknownPartError: for the first name that is none.
    """
    for name in names:
        if name not in PARTS:
            raise UnknownPartError(f"there is no part {name!r}; the parts are: {', '.join(PARTS)}")
    return [name for name in PARTS if not names or name in names]


def measure_of(part: str) -> Measure:
    """What measures a part; imported only now, since every part brings much with it."""
    measure: Measure = importlib.import_module(PARTS[part]).measure
    return measure

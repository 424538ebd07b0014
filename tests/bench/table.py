"""What the bench prints: the machine, the rows, and how far it has come."""

import contextlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.engine import usable_cores
from tests.bench.rows import Row
from tests.bench.timing import Tell

err = Console(stderr=True, highlight=False)
out = Console(highlight=False, width=None if sys.stdout.isatty() else 150)  # nothing is wrapped in a file
_MET = {True: "[green]met[/]", False: "[bold red]missed[/]", None: "[yellow]not judged[/]"}
_BUSY_PER_CORE = 0.5


def machine() -> str:
    """The facts without which the figures mean little."""
    load = os.getloadavg()[0]
    busy = "; others are at work here, so trust the ratios only" if load > _BUSY_PER_CORE * usable_cores() else ""
    return (
        f"{usable_cores()} cores ({_processor()}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f}{busy}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def as_table(rows: Iterable[Row]) -> Table:
    """The rows for people."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "ours", "theirs", "unit", "ratio", "rounds", "goal", ""):
        table.add_column(column, justify="right" if column in {"ours", "theirs", "ratio"} else "left")
    for one in rows:
        figures = (_figure(one.ours), _figure(one.theirs), one.unit, _figure(one.ratio))
        table.add_row(one.name, *figures, one.spread, one.goal or "", _MET[one.met] if one.goal else "")
    return table


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@contextlib.contextmanager
def progress(part: str) -> Iterator[Tell]:
    """Shows how far a part is: a line that changes on a terminal, one line a part elsewhere."""
    if not err.is_terminal:
        err.print(f"{part} …")
        yield lambda _text: None
        return
    with err.status(part) as status:
        yield lambda text: status.update(f"{part}: {text}")

"""`tl audit`: who ran which runbook, and how it ended."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from local.processes import ROOT

_COLUMNS = ("at", "who", "from", "what", "inputs", "outcome", "EUR/h", "s")


def path() -> Path:
    """`TL_AUDIT_FILE`, or the project's own file."""
    return Path(os.environ.get("TL_AUDIT_FILE") or ROOT / "build" / "audit.jsonl")


def as_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    """One row a run, oldest first."""
    table = Table(*_COLUMNS, box=None, header_style="bold")
    for line in lines:
        table.add_row(*(escape(cell) for cell in _row(line)))
    return table


def _row(line: Mapping[str, Any]) -> Sequence[str]:
    cost, inputs = line.get("eur_per_hour") or {}, line.get("inputs") or {}
    return (
        *(str(line.get(name) or "") for name in _COLUMNS[:4]),
        " ".join(f"{name}={value}" for name, value in inputs.items()),
        str(line.get("outcome", "")),
        f"{cost.get('before') or '?'} → {cost.get('after') or '?'}" if any(cost.values()) else "",
        f"{line.get('seconds', 0):.1f}",
    )

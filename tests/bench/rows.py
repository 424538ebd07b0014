"""The table's rows: what was measured, what it is held against, and whether the goal is met."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from local.announce import write_atomically

_DIGITS = 4
_KEYS = ("name", "ours", "theirs", "unit", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on the ratio, or on our figure where there is no peer."""

    of: Literal["ratio", "ours"]
    sense: Literal["<=", ">="]
    bound: float

    def met_by(self, value: float) -> bool:
        """Whether the bound holds."""
        return value <= self.bound if self.sense == "<=" else value >= self.bound

    def __str__(self) -> str:
        """As the table and the file show it, such as `ratio <= 0.35`."""
        return f"{self.of} {self.sense} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `name` is `part: what`; `spread` tells how far single rounds lay apart, for the reader of the table.

    `ratio` is `ours / theirs`; without a peer `theirs` and `ratio` are None, without a goal `goal` and `met`.
    A goal without `met` could not be judged: others disturbed the measurement, or its rounds do not agree.
    """

    name: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    goal: str | None
    met: bool | None
    spread: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is a goal and nothing shows that it is met."""
        return self.goal is not None and self.met is not True

    @property
    def part(self) -> str:
        """The part of the bench that measured it."""
        return self.name.partition(":")[0]

    def to_json(self) -> dict[str, Any]:
        """The row in `build/bench.json`."""
        return {key: getattr(self, key) for key in _KEYS}


def row(
    name: str,
    ours: float,
    theirs: float | None,
    unit: str,
    *,
    goal: Goal | None = None,
    sound: bool = True,
    spread: str = "",
) -> Row:
    """Make a row; the goal is judged before anything is rounded, and not at all by figures that are not `sound`."""
    ratio = None if theirs is None else ours / theirs
    judged = ours if goal is None or goal.of == "ours" else ratio
    if judged is None:
        raise ValueError(f"{name}: a goal for the ratio needs a peer")
    met = goal.met_by(judged) if goal and sound else None
    peer = None if theirs is None else _short(theirs)
    short_ratio = None if ratio is None else _short(ratio)
    return Row(name, _short(ours), peer, unit, short_ratio, str(goal) if goal else None, met, spread)


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def merge(kept: Iterable[Row], fresh: Iterable[Row], ran: Collection[str], order: Sequence[str]) -> list[Row]:
    """All rows in the order of their parts: those of the parts that ran are fresh, the others as they were."""
    rows = [one for one in kept if one.part not in ran] + list(fresh)
    rank = {part: place for place, part in enumerate(order)}
    return sorted(rows, key=lambda one: rank.get(one.part, len(rank)))


def load(path: Path) -> list[Row]:
    """The rows of earlier runs; none when there is no file, or none of ours."""
    try:
        return [_from_json(item) for item in json.loads(path.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return []


def _from_json(item: Mapping[str, Any]) -> Row:
    return Row(**{key: item[key] for key in _KEYS})


def save(path: Path, rows: Iterable[Row]) -> None:
    """Replace the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(one.to_json(), ensure_ascii=False)}" for one in rows)
    write_atomically(path, f"[\n{lines}\n]\n", mode=0o644)

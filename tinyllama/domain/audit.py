"""What is written down of every runbook: one line that says who did what, from where, and how it ended."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_SECRET = re.compile(r"pass|secret|token|credential|(^|_)key$", re.IGNORECASE)
_STAYS = ("before", "after", "node", "steps")


class Outcome(StrEnum):
    """How a runbook ended. `refused` and `unchanged` touched nothing; `restored` failed and went back."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    RESTORED = "restored"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Seen:
    """What a run has shown so far. `acted` is true once a step that may change something has been begun."""

    acted: bool = False
    changed: bool = False
    error: str | None = None
    restored: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def look(self, result: Mapping[str, Any]) -> None:
        """Take in what a module predicted; once something was touched, looks only verify."""
        if self.acted:
            return
        earlier = self.facts.get("steps", ()) if self._is_of_another(result) else ()
        self._keep(result)
        if earlier:  # a runbook that looks at several things: its plan is all of theirs, its subject the last one
            self.facts["steps"] = [*earlier, *(result.get("steps") or ())]
        self.facts["after"] = self.facts.get("before")

    def act(self, result: Mapping[str, Any], *, failed: bool) -> None:
        """Take in what a module did; `restored` is None in the answer of one that refused to touch anything."""
        if failed and result.get("restored", False) is None:
            return
        # What went before is not put back with it.
        self.restored = bool(failed and result.get("restored")) and not self.changed
        self.acted = True
        self.changed = self.changed or bool(result.get("changed"))
        if "before" in self.facts and self._is_of_another(result):
            return
        # What was seen at first is what can be gone back to; what was left at last is what there is.
        self._keep(
            {name: result[name] for name in ("after",) if result.get(name)} if "before" in self.facts else result
        )

    def fail(self, message: str) -> None:
        """Keep the first failure: those that follow are its consequences."""
        self.error = self.error or message

    def _is_of_another(self, result: Mapping[str, Any]) -> bool:
        seen, told = (str((facts.get("node") or {}).get("id") or "") for facts in (self.facts, result))
        return bool(seen and told and seen != told)

    def _keep(self, result: Mapping[str, Any]) -> None:
        self.facts |= {name: result[name] for name in _STAYS if result.get(name)}

    def outcome(self, *, finished: bool) -> Outcome:
        """How it ended; not `finished` is a run that somebody broke off."""
        if not finished:
            return Outcome.INTERRUPTED
        if self.error is not None:
            tried = Outcome.RESTORED if self.restored else Outcome.FAILED
            return tried if self.acted else Outcome.REFUSED
        return Outcome.CHANGED if self.changed else Outcome.UNCHANGED


def line(
    seen: Seen,
    *,
    at: str,
    who: str,
    origin: str,
    what: str,
    inputs: Mapping[str, Any],
    revision: str,
    seconds: float,
    finished: bool = True,
) -> dict[str, Any]:
    """The line as JSON. `at` is UTC in ISO 8601; `eur_per_hour` is of a running hour before and after, None unknown."""
    before, after, node = (seen.facts.get(name) or {} for name in ("before", "after", "node"))
    return {
        "at": at,
        "who": who,
        "from": origin,
        "what": what,
        "node": node.get("id"),
        "account": node.get("account"),
        "region": node.get("region"),
        "inputs": {name: "***" if _SECRET.search(name) else value for name, value in inputs.items()},
        "revision": revision,
        "plan": _plan(seen.facts.get("steps") or ()),
        "before": before,
        "after": after,
        "eur_per_hour": {"before": _cost(before), "after": _cost(after)},
        "outcome": seen.outcome(finished=finished).value,
        "error": seen.error,
        "seconds": round(seconds, 3),
    }


def _plan(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{step['action']} {step['target']}".strip() for step in steps]


def _cost(state: Mapping[str, Any]) -> str | None:
    """What an hour costs as it is: a node that does not run costs nothing but its disk."""
    price = state.get("eur_per_hour")
    running = state.get("state") in {"running", "pending", "available", "creating", None}
    return None if price is None else str(price) if running else "0"

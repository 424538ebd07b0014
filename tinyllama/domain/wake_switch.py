"""The wake switch: whether requests may start the node, who forbade it, and until when (docs/adr/0052).

Kept as JSON in one SSM parameter: `{"enabled": false, "reason": "budget", "since": "2026-11-23T17:00:00Z", "until":
"2026-12-01T00:00:00Z"}`. Only `enabled` is required; without `until` it stays off until somebody switches it on.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tinyllama.domain.errors import TinyllamaError

PARAMETER = "/tinyllama/wake"
BUDGET = "budget"
"""The reason that the budget's killer gives; the API answers it with 402, any other with 503."""


class WakeSwitchError(TinyllamaError):
    """The switch could not be read, written or understood. Whoever wants to wake the node must not, then."""


@dataclass(frozen=True, slots=True)
class WakeSwitch:
    """Times are UTC; `since` and `until` are None where nobody has said."""

    enabled: bool = True
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def at(self, now: datetime) -> "WakeSwitch":
        """What it means now: one whose time is over is on."""
        over = self.enabled or (self.until is not None and now >= self.until)
        return WakeSwitch() if over else self

    def __str__(self) -> str:
        """For people."""
        if self.enabled:
            return "enabled"
        end = f"until {stamp(self.until)}" if self.until else "until somebody enables it"
        return f"disabled ({self.reason or 'no reason given'}) {end}"


def resets(now: datetime) -> datetime:
    """When the month's money is counted anew: AWS Budgets begins at the first of the month, UTC."""
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """ISO 8601, to the second, as in the API's `resets`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def dumped(switch: WakeSwitch) -> str:
    """As the parameter holds it."""
    if switch.enabled:
        return json.dumps({"enabled": True})
    times = {name: stamp(at) for name, at in (("since", switch.since), ("until", switch.until)) if at is not None}
    return json.dumps({"enabled": False, "reason": switch.reason, **times})


def parsed(text: str) -> WakeSwitch:
    """What the parameter holds. Raises `WakeSwitchError`: what is not understood is not taken for a yes."""
    try:
        found = json.loads(text)
        return WakeSwitch(_flag(found), str(found.get("reason", "")), _time(found, "since"), _time(found, "until"))
    except (ValueError, TypeError, KeyError) as error:
        raise WakeSwitchError(f"{PARAMETER} holds {text[:200]!r}, which is no switch: {error!r}") from None


def _flag(found: dict[str, Any]) -> bool:
    enabled = found["enabled"]
    if not isinstance(enabled, bool):
        raise TypeError("`enabled` is neither true nor false")
    return enabled


def _time(found: dict[str, Any], name: str) -> datetime | None:
    text = found.get(name)
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

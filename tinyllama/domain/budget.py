"""The month's budget: what AWS Budgets says of it, what may be changed, and what is refused.

AWS Budgets counts in USD and lags by 8 to 12 hours; people here think in EUR. What is spent comes from AWS Budgets, or
from Cost Explorer where somebody pays USD 0.01 to ask it: after a change of the limit, AWS Budgets says 0 until it has
counted again (API reference, *UpdateBudget*).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from tinyllama.domain.costs import BUDGET_EUR
from tinyllama.domain.errors import TinyllamaError
from tinyllama.domain.prices import USD_PER_EUR
from tinyllama.domain.wake_switch import WakeSwitch, stamp

NAME = "tlfif-monthly"
CEILING_EUR = 2 * BUDGET_EUR
"""A limit above this one is more likely a slip of the finger than a decision."""
QUESTION_USD = Decimal("0.01")
"""What one question to Cost Explorer costs."""
NOT_COUNTED = (
    "AWS Budgets says that nothing is spent: so it does after a change of the limit until it has counted again, for up "
    "to 12 hours. by_service=true asks Cost Explorer, for USD 0.01."
)
_CENT, _TOO_MUCH = Decimal("0.01"), Decimal(1_000_000)


class BudgetError(TinyllamaError):
    """The budget is not as wanted; `code` is AWS's where there is one, `touched` whether anything was changed."""

    def __init__(self, message: str, *, code: str = "", touched: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.touched = touched


@dataclass(frozen=True, slots=True)
class Alert:
    """A notification of the budget: at which percentage of the limit, of what is spent or forecast; `OK` or `ALARM`."""

    percent: Decimal
    of: str
    state: str


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget as AWS Budgets describes it, USD; `forecast_usd` is None early in a month."""

    limit_usd: Decimal
    actual_usd: Decimal
    forecast_usd: Decimal | None
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be changed: the limit (USD, to the cent) and the wake switch."""

    limit_usd: Decimal
    switch: WakeSwitch


@dataclass(frozen=True, slots=True)
class Wanted:
    """`limit_usd` and `switch` are None where they shall stay as they are."""

    limit_usd: Decimal | None = None
    switch: WakeSwitch | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class BudgetStep:
    """`limit` or `wake`, what it is set to, and why."""

    action: str
    target: str
    reason: str


def in_usd(eur: Decimal, rate: Decimal = USD_PER_EUR) -> Decimal:
    """To the cent, as Terraform words the limit."""
    return (eur * rate).quantize(_CENT)


def in_eur(usd: Decimal, rate: Decimal = USD_PER_EUR) -> Decimal:
    """To the cent."""
    return (usd / rate).quantize(_CENT)


def parse_eur(text: str) -> Decimal:
    """A sum of money as somebody types it. Raises `BudgetError`."""
    try:
        eur = Decimal(text)
    except InvalidOperation:
        eur = Decimal("NaN")
    if not eur.is_finite() or not 0 < eur < _TOO_MUCH or eur != eur.quantize(_CENT):
        raise BudgetError(f"{text!r} is no sum of euros: say it as 25 or 25.50. Nothing was touched.")
    return eur


def plan(now: Standing, wanted: Wanted) -> tuple[Standing, tuple[BudgetStep, ...]]:
    """What will be, and the steps to it: a higher limit comes before a wake, and no wake before a lower limit."""
    limit = now.limit_usd if wanted.limit_usd is None else wanted.limit_usd
    switch = now.switch if wanted.switch is None or _same(now.switch, wanted.switch) else wanted.switch
    steps = []
    if limit != now.limit_usd:
        steps.append(BudgetStep("limit", f"EUR {in_eur(limit)}", f"it is EUR {in_eur(now.limit_usd)}"))
    if switch != now.switch:
        steps.append(BudgetStep("wake", str(switch), f"it is {now.switch}"))
    if not switch.enabled:
        steps.reverse()
    return Standing(limit, switch), tuple(steps)


def check(budget: Budget, spent_usd: Decimal, end: Standing, wanted: Wanted) -> None:
    """Refuse what would be regretted. Raises `BudgetError`."""
    spent, limit = in_eur(spent_usd), in_eur(end.limit_usd)
    if wanted.limit_usd is not None and limit > CEILING_EUR and not wanted.force:
        raise BudgetError(
            f"EUR {limit} is more than twice the EUR {BUDGET_EUR} that this is made for. Nothing was touched. "
            "If it is meant, say -e force=true."
        )
    changes_limit = wanted.limit_usd is not None and wanted.limit_usd != budget.limit_usd
    wakes = wanted.switch is not None and wanted.switch.enabled
    if (changes_limit or wakes) and spent_usd >= end.limit_usd:
        raise BudgetError(
            f"EUR {spent} are spent this month, and the limit would be EUR {limit}: everything would be stopped again. "
            "Nothing was touched. Raise it to more than that (-e raise_to=EUR), or wait until the month ends "
            "(-e wait=true)."
        )


def off_until(end: datetime, reason: str) -> WakeSwitch:
    """A switch that is off until then."""
    return WakeSwitch(enabled=False, reason=reason, until=end)


def _same(now: WakeSwitch, wanted: WakeSwitch) -> bool:
    """Since when does not matter."""
    return replace(now, since=None) == replace(wanted, since=None)


def shown(standing: Standing) -> dict[str, str]:
    """As results and diffs show it."""
    return {
        "limit_eur": str(in_eur(standing.limit_usd)),
        "limit_usd": str(standing.limit_usd),
        "wake": str(standing.switch),
    }


def described(budget: Budget, switch: WakeSwitch, reset: datetime) -> dict[str, object]:
    """The facts, for programs and people; money as strings."""
    return {
        "name": NAME,
        "spent_eur": str(in_eur(budget.actual_usd)),
        "forecast_eur": None if budget.forecast_usd is None else str(in_eur(budget.forecast_usd)),
        "alerts": [_alert(budget, alert) for alert in budget.alerts],
        "resets": stamp(reset),
        "wake": {
            "enabled": switch.enabled,
            "reason": switch.reason,
            "since": stamp(switch.since) if switch.since else None,
            "until": stamp(switch.until) if switch.until else None,
        },
    }


def _alert(budget: Budget, alert: Alert) -> dict[str, str]:
    at = in_eur(budget.limit_usd * alert.percent / 100)
    return {"percent": f"{alert.percent:f}", "of": alert.of, "at_eur": str(at), "state": alert.state}


def total(spend: Sequence[tuple[str, Decimal]]) -> Decimal:
    """The sum over services, USD."""
    return sum((usd for _, usd in spend), Decimal(0))

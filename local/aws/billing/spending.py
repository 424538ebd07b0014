"""What the account has spent this month: told by AWS Budgets and by Cost Explorer. Nothing here is counted; it is set.

Source: API references of AWS Budgets and AWS Cost Explorer.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from moto.budgets.models import Budget
from moto.ce.responses import CostExplorerResponse
from moto.core.exceptions import JsonRESTError

from local.aws.core.seam import replaced

_NO_CREDITS = {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}}


class _ValidationError(JsonRESTError):
    code = 400

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class Spending:
    """USD of this month by service, what credits pay of it, and what AWS thinks the month will cost (None: no idea)."""

    def __init__(self) -> None:
        self.by_service: dict[str, Decimal] = {}
        self.credited: dict[str, Decimal] = {}
        self.forecast_usd: Decimal | None = None
        self._known: dict[str, Decimal] = {}

    def set(
        self, by_service: Mapping[str, Any], forecast_usd: Any = None, credited: Mapping[str, Any] | None = None
    ) -> None:
        """From now on this has been spent, of which credits pay `credited`, and every budget has counted it."""
        self.by_service = _decimals(by_service)
        self.credited = _decimals(credited or {})
        self.forecast_usd = None if forecast_usd is None else Decimal(str(forecast_usd))
        self._known.clear()

    def told(self, *, net: bool) -> dict[str, Decimal]:
        """USD by service; `net` of what credits pay, which AWS counts as a cost below 0."""
        paid = self.credited if net else {}
        return {service: usd - paid.get(service, Decimal(0)) for service, usd in self.by_service.items()}

    def forget(self, budget: str) -> None:
        """A budget was changed: it says 0 until AWS has counted again, so until `set`."""
        self._known[budget] = Decimal(0)

    def counted(self, budget: Mapping[str, Any]) -> Decimal:
        """What a budget says is spent: net of credits unless its `CostTypes` leave them out."""
        net = bool((budget.get("CostTypes") or {}).get("IncludeCredit", True))
        return self._known.get(budget["BudgetName"], sum(self.told(net=net).values(), Decimal(0)))


def _decimals(usd: Mapping[str, Any]) -> dict[str, Decimal]:
    return {service: Decimal(str(amount)) for service, amount in usd.items()}


@contextmanager
def installed(spending: Spending) -> Iterator[None]:
    """Tell of this spending for as long as the context lasts."""
    described, changed, listed = Budget.to_dict, Budget.__init__, Budget.get_notifications

    def to_dict(budget: Any) -> dict[str, Any]:
        if budget.budget["BudgetType"] != "COST":  # hours and GB are not told of
            return dict(described(budget))
        spent = {"ActualSpend": _usd(spending.counted(budget.budget))}
        if spending.forecast_usd is not None:
            spent["ForecastedSpend"] = _usd(spending.forecast_usd)
        return {**described(budget), "CalculatedSpend": spent}

    def init(budget: Any, wanted: dict[str, Any], notifications: list[dict[str, Any]]) -> None:
        # What is spent is AWS's to say, whatever the caller does.
        changed(budget, {name: value for name, value in wanted.items() if name != "CalculatedSpend"}, notifications)
        spending.forget(wanted["BudgetName"])

    def get_notifications(budget: Any) -> list[dict[str, Any]]:
        if budget.budget["BudgetType"] != "COST":
            return list(listed(budget))
        limit = Decimal(str(budget.budget["BudgetLimit"]["Amount"]))
        spent = spending.counted(budget.budget)
        return [{**deepcopy(one), "NotificationState": _state(one, spent, limit)} for one in listed(budget)]

    with ExitStack() as undo:
        undo.enter_context(replaced(Budget, "to_dict", to_dict))
        undo.enter_context(replaced(Budget, "__init__", init))
        undo.enter_context(replaced(Budget, "get_notifications", get_notifications))
        undo.enter_context(replaced(CostExplorerResponse, "get_cost_and_usage", _explorer(spending)))
        yield


def _usd(amount: Decimal) -> dict[str, str]:
    return {"Amount": str(amount), "Unit": "USD"}


def _state(notification: Mapping[str, Any], spent: Decimal, limit: Decimal) -> str:
    threshold = Decimal(str(notification["Threshold"]))
    if notification.get("ThresholdType", "PERCENTAGE") == "PERCENTAGE":
        threshold = limit * threshold / 100
    return "ALARM" if notification["NotificationType"] == "ACTUAL" and spent > threshold else "OK"


def _explorer(spending: Spending) -> Any:
    def get_cost_and_usage(response: Any) -> str:
        asked = json.loads(response.body)
        start, end = (date.fromisoformat(asked["TimePeriod"][name]) for name in ("Start", "End"))
        if start >= end:
            raise _ValidationError("Start date (and hour) should be before end date (and hour)")
        if asked.get("Granularity") != "MONTHLY" or asked.get("Metrics") != ["UnblendedCost"]:
            raise _ValidationError("The local AWS knows MONTHLY UnblendedCost only")
        if asked.get("Filter", _NO_CREDITS) != _NO_CREDITS:
            raise _ValidationError("The local AWS knows one filter only: all but credits and refunds")
        if asked.get("GroupBy") != [{"Type": "DIMENSION", "Key": "SERVICE"}]:
            raise _ValidationError("The local AWS groups by SERVICE only")
        today = datetime.now(UTC).date()
        groups = [
            {"Keys": [service], "Metrics": {"UnblendedCost": _usd(usd)}}
            for service, usd in spending.told(net="Filter" not in asked).items()
            if start <= today < end
        ]
        period = {"TimePeriod": asked["TimePeriod"], "Total": {}, "Groups": groups, "Estimated": True}
        definitions = [{"Type": "DIMENSION", "Key": "SERVICE"}]
        return json.dumps({"GroupDefinitions": definitions, "ResultsByTime": [period], "DimensionValueAttributes": []})

    return get_cost_and_usage

"""The budget on AWS Budgets, and what each service has cost on Cost Explorer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.budget import NAME, Alert, Budget, BudgetError

_OUTPUT_ONLY = ("CalculatedSpend", "LastUpdatedTime", "HealthStatus")
_MISSING = (
    f"There is no budget {NAME} in account {{account}}: `terraform apply` makes it. If it should be there, this is "
    "another account than you think: switch the AWS profile."
)
_GROSS = {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}}
"""As Terraform makes the budget count: what credits pay for is spent all the same, and they will be used up."""
_ADVICE = {
    "AccessDeniedException": "Your role may not do that: it needs budgets:ViewBudget, budgets:ModifyBudget and "
    "ce:GetCostAndUsage, and the account has to let IAM users see its bill.",
    "DataUnavailableException": "Cost Explorer has no data yet: it takes a day after it was enabled.",
    "ExpiredTokenException": "Sign in again.",
    "ExpiredToken": "Sign in again.",
}


def connect(service: str, *, region: str | None = None, endpoint_url: str | None = None) -> Any:
    """A client; what is not given comes from the environment. Raises `BudgetError`."""
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    with budget_errors():
        return boto3.client(service, config=config, region_name=region, endpoint_url=endpoint_url)  # type: ignore[call-overload]


@contextmanager
def budget_errors() -> Iterator[None]:
    """What boto3 raises, as `BudgetError`."""
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"]
        code = reason.get("Code", "Unknown")
        advice = _ADVICE.get(code, "")
        raise BudgetError(f"{code}: {reason.get('Message', 'no message')} {advice}".strip(), code=code) from error
    except BotoCoreError as error:
        raise BudgetError(f"{type(error).__name__}: {error}", code=type(error).__name__) from error


def account_of(sts: Any) -> str:
    """The account id. Raises `BudgetError`."""
    with budget_errors():
        return str(sts.get_caller_identity()["Account"])


class AwsBudget:
    """`tlfif-monthly`; every method raises `BudgetError`."""

    def __init__(self, budgets: Any, account: str) -> None:
        self._budgets, self._account = budgets, account

    def look(self) -> Budget:
        """As AWS Budgets describes it now."""
        found = self._describe()
        spend = found.get("CalculatedSpend") or {}
        forecast = spend.get("ForecastedSpend")
        return Budget(
            limit_usd=_usd(found["BudgetLimit"]),
            actual_usd=_usd(spend.get("ActualSpend") or {"Amount": "0", "Unit": "USD"}),
            forecast_usd=_usd(forecast) if forecast else None,
            alerts=self._alerts(),
        )

    def _describe(self) -> dict[str, Any]:
        try:
            with budget_errors():
                found = self._budgets.describe_budget(AccountId=self._account, BudgetName=NAME)["Budget"]
        except BudgetError as error:
            if error.code != "NotFoundException":
                raise
            raise BudgetError(_MISSING.format(account=self._account), code=error.code) from error
        return dict(found)

    def _alerts(self) -> tuple[Alert, ...]:
        with budget_errors():
            pages = self._budgets.get_paginator("describe_notifications_for_budget")
            found = pages.paginate(AccountId=self._account, BudgetName=NAME).build_full_result()
        alerts = [
            Alert(
                Decimal(str(one["Threshold"])), str(one["NotificationType"]).lower(), one.get("NotificationState", "")
            )
            for one in found.get("Notifications", ())
            if one.get("ThresholdType", "PERCENTAGE") == "PERCENTAGE"
        ]
        return tuple(sorted(alerts, key=lambda alert: alert.percent))

    def set_limit(self, usd: Decimal) -> None:
        """Change the limit and nothing else. A lost answer is made up for by looking."""
        # An update replaces the budget, so all of it is said; what only AWS can say is left out.
        budget = {name: value for name, value in self._describe().items() if name not in _OUTPUT_ONLY}
        budget["BudgetLimit"] = {"Amount": f"{usd:.2f}", "Unit": "USD"}
        try:
            with budget_errors():
                self._budgets.update_budget(AccountId=self._account, NewBudget=budget)
        except BudgetError:
            if _usd(self._describe()["BudgetLimit"]) != usd:
                raise


def by_service(explorer: Any, now: datetime) -> Sequence[tuple[str, Decimal]]:
    """USD of this month by service before credits, the dearest first. The question costs USD 0.01.

    Raises:
        BudgetError: Cost Explorer refused, or does not answer.
    """
    period = {"Start": f"{now:%Y-%m}-01", "End": f"{now + timedelta(days=1):%Y-%m-%d}"}  # the end is not included
    with budget_errors():
        found = explorer.get_cost_and_usage(
            TimePeriod=period,
            Granularity="MONTHLY",
            Metrics=["UnblendedCost"],
            Filter=_GROSS,
            GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
        )
    costs: dict[str, Decimal] = {}
    # The first month only: on its last day the period reaches into the next one.
    for group in found["ResultsByTime"][0]["Groups"] if found["ResultsByTime"] else ():
        service = str(group["Keys"][0])
        costs[service] = costs.get(service, Decimal(0)) + Decimal(group["Metrics"]["UnblendedCost"]["Amount"])
    return sorted(costs.items(), key=lambda item: (-item[1], item[0]))


def _usd(amount: dict[str, str]) -> Decimal:
    if amount.get("Unit", "USD") != "USD":
        raise BudgetError(f"The budget counts in {amount['Unit']}, and Terraform made it to count in USD.")
    return Decimal(amount["Amount"]).quantize(Decimal("0.01"))

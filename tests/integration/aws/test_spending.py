"""AWS Budgets and Cost Explorer tell of the same spending, and a changed budget knows of none until AWS has counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import refused
from tests.integration.aws.test_budgets import ACCOUNT, BUDGET, NAME, TOPIC, WARN

TODAY = datetime.now(UTC).date()
QUESTION = {
    "TimePeriod": {"Start": f"{TODAY:%Y-%m}-01", "End": str(TODAY + timedelta(days=1))},
    "Granularity": "MONTHLY",
    "Metrics": ["UnblendedCost"],
    "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
}


@pytest.fixture
def budgets(aws: StrictAws) -> Any:
    client = aws.client("budgets")
    notification = {"Notification": WARN, "Subscribers": [TOPIC]}
    client.create_budget(AccountId=ACCOUNT, Budget=BUDGET, NotificationsWithSubscribers=[notification])
    return client


def spent(budgets: Any) -> Any:
    return budgets.describe_budget(**NAME)["Budget"]["CalculatedSpend"]


def test_what_is_spent_is_told_by_both_and_raises_the_alarm(aws: StrictAws, budgets: Any) -> None:
    aws.spending.set({"Amazon EC2": "15.01", "AmazonCloudWatch": 1}, forecast_usd="21.5")
    assert spent(budgets) == {
        "ActualSpend": {"Amount": "16.01", "Unit": "USD"},
        "ForecastedSpend": {"Amount": "21.5", "Unit": "USD"},
    }
    [found] = budgets.describe_notifications_for_budget(**NAME)["Notifications"]
    assert (found["Threshold"], found["NotificationState"]) == (75, "ALARM")
    [month] = aws.client("ce").get_cost_and_usage(**QUESTION)["ResultsByTime"]
    assert {group["Keys"][0]: group["Metrics"]["UnblendedCost"]["Amount"] for group in month["Groups"]} == {
        "Amazon EC2": "15.01",
        "AmazonCloudWatch": "1",
    }


def test_a_changed_budget_says_0_until_it_has_counted_again(aws: StrictAws, budgets: Any) -> None:
    aws.spending.set({"Amazon EC2": 16})
    budgets.update_budget(AccountId=ACCOUNT, NewBudget={**BUDGET, "BudgetLimit": {"Amount": "25", "Unit": "USD"}})
    assert spent(budgets) == {"ActualSpend": {"Amount": "0", "Unit": "USD"}}
    aws.spending.set({"Amazon EC2": 17})
    assert spent(budgets)["ActualSpend"]["Amount"] == "17"


def test_what_is_spent_cannot_be_said_by_the_caller(budgets: Any) -> None:
    much = {"ActualSpend": {"Amount": "99", "Unit": "USD"}}
    budgets.update_budget(AccountId=ACCOUNT, NewBudget={**BUDGET, "CalculatedSpend": much})
    assert spent(budgets)["ActualSpend"]["Amount"] == "0"


@pytest.mark.parametrize(
    "change",
    [
        {"TimePeriod": {"Start": str(TODAY), "End": str(TODAY)}},
        {"Granularity": "DAILY"},
        {"Metrics": ["BlendedCost"]},
        {"GroupBy": []},
    ],
)
def test_a_question_that_it_cannot_answer_is_refused(aws: StrictAws, change: dict[str, Any]) -> None:
    assert refused(aws.client("ce").get_cost_and_usage, **QUESTION | change)[0] == "ValidationException"


def test_another_months_spending_is_nothing(aws: StrictAws) -> None:
    aws.spending.set({"Amazon EC2": 16})
    past = {"TimePeriod": {"Start": "2020-01-01", "End": "2020-02-01"}}
    [month] = aws.client("ce").get_cost_and_usage(**QUESTION | past)["ResultsByTime"]
    assert month["Groups"] == []

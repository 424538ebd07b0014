"""The budget as Terraform makes it, and an account as the killer leaves it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.ansible.conftest import Cloud
from tinyllama.domain.wake_switch import PARAMETER, WakeSwitch, dumped, parsed, resets

ACCOUNT, NAME = "123456789012", "tlfif-monthly"
COMPUTE, LOGS = "Amazon Elastic Compute Cloud - Compute", "AmazonCloudWatch"
LIMIT = {"Amount": "22.87", "Unit": "USD"}


class Money:
    """What stands in the account about money."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.budgets, self.ssm = cloud.aws.client("budgets"), cloud.aws.client("ssm")

    def create(self) -> None:
        topic = {"SubscriptionType": "SNS", "Address": f"arn:aws:sns:eu-central-1:{ACCOUNT}:tlfif-budget-kill"}
        alerts = [
            {
                "Notification": {
                    "NotificationType": "ACTUAL",
                    "ComparisonOperator": "GREATER_THAN",
                    "Threshold": percent,
                    "ThresholdType": "PERCENTAGE",
                },
                "Subscribers": [topic],
            }
            for percent in (75.0, 105.0)
        ]
        counts = {"IncludeCredit": False, "IncludeRefund": False}  # as Terraform says
        budget = {
            "BudgetName": NAME,
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": LIMIT,
            "CostTypes": counts,
        }
        tags = {"ResourceTags": [{"Key": "Role", "Value": "ops"}]}
        self.budgets.create_budget(AccountId=ACCOUNT, Budget=budget, NotificationsWithSubscribers=alerts, **tags)

    def kill(self, usd: str = "24.30") -> None:
        """Spend so much, and do what the killer does: forbid wakes, stop the node."""
        self.spend(usd)
        now = datetime.now(UTC)
        self.put(dumped(WakeSwitch(enabled=False, reason="budget", since=now, until=resets(now))))
        self.cloud.bring_to("running")
        self.cloud.bring_to("stopped")
        self.cloud.aws.clear()

    def spend(self, usd: str) -> None:
        self.cloud.aws.spending.set({COMPUTE: usd, LOGS: "0.30"}, forecast_usd="30")

    def put(self, text: str) -> None:
        self.ssm.put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)
        self.cloud.aws.clear()

    def switch(self) -> WakeSwitch:
        """As it stands."""
        return parsed(self.ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"])

    def budget(self) -> dict[str, Any]:
        found: dict[str, Any] = self.budgets.describe_budget(AccountId=ACCOUNT, BudgetName=NAME)["Budget"]
        return found

    @property
    def limit(self) -> str:
        return str(self.budget()["BudgetLimit"]["Amount"])

    def writes(self) -> list[str]:
        """Calls that were meant to change something, of every service that is spent on."""
        services = ("budgets", "ssm", "ec2", "scheduler", "elasticache")
        return [call for service in services for call in self.cloud.writes(service)]

    def is_on(self) -> None:
        self.put(json.dumps({"enabled": True}))


@pytest.fixture
def money(cloud: Cloud) -> Money:
    """A budget of EUR 20, nothing spent of it."""
    made = Money(cloud)
    made.create()
    cloud.aws.spending.set({})
    cloud.aws.clear()
    return made

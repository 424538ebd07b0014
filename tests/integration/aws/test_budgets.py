"""AWS Budgets: limits of notifications are kept, and each can be read and changed, as `terraform apply` does."""

from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import refused

ACCOUNT = "123456789012"
NAME = {"AccountId": ACCOUNT, "BudgetName": "tlfif-monthly"}
BUDGET = {
    "BudgetName": "tlfif-monthly",
    "BudgetType": "COST",
    "TimeUnit": "MONTHLY",
    "BudgetLimit": {"Amount": "20", "Unit": "USD"},
}
WARN = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 75.0}
TOPIC = {"SubscriptionType": "SNS", "Address": f"arn:aws:sns:eu-central-1:{ACCOUNT}:tlfif-budget-warn"}
MAIL = {"SubscriptionType": "EMAIL", "Address": "ops@example.com"}


@pytest.fixture
def budgets(aws: StrictAws) -> Any:
    return aws.client("budgets")


@pytest.fixture
def budget(budgets: Any) -> Any:
    notification = {"Notification": WARN, "Subscribers": [TOPIC]}
    budgets.create_budget(AccountId=ACCOUNT, Budget=BUDGET, NotificationsWithSubscribers=[notification])
    return budgets


def subscribers(budgets: Any) -> Any:
    return budgets.describe_subscribers_for_notification(**NAME, Notification=WARN)["Subscribers"]


def test_a_second_topic_and_an_eleventh_address_are_refused(budget: Any) -> None:
    other = {**TOPIC, "Address": f"{TOPIC['Address']}-2"}
    code, _, _ = refused(budget.create_subscriber, **NAME, Notification=WARN, Subscriber=other)
    assert code == "InvalidParameterException"
    for number in range(10):
        mail = {**MAIL, "Address": f"ops{number}@example.com"}
        budget.create_subscriber(**NAME, Notification=WARN, Subscriber=mail)
    assert refused(budget.create_subscriber, **NAME, Notification=WARN, Subscriber=MAIL)[0] == code


def test_a_budget_of_usage_has_to_say_of_which(budgets: Any) -> None:
    hours = {**BUDGET, "BudgetType": "USAGE", "BudgetLimit": {"Amount": "1", "Unit": "Hrs"}}
    create = budgets.create_budget
    by_type = {"CostFilters": {"InstanceType": ["t3.medium"]}}
    assert refused(create, AccountId=ACCOUNT, Budget={**hours, **by_type})[0] == "InvalidParameterException"
    by_type["CostFilters"]["UsageTypeGroup"] = ["EC2: Running Hours"]
    create(AccountId=ACCOUNT, Budget={**hours, **by_type})
    assert budgets.describe_budget(**NAME)["Budget"]["CostFilters"] == by_type["CostFilters"]


def test_the_last_subscriber_of_a_notification_cannot_be_taken_away(budget: Any) -> None:
    refusal = refused(budget.delete_subscriber, **NAME, Notification=WARN, Subscriber=TOPIC)
    assert refusal[0] == "InvalidParameterException"
    assert subscribers(budget) == [TOPIC]


def test_the_same_notification_twice_and_one_that_does_not_exist_are_refused(budget: Any) -> None:
    again = {**WARN, "ThresholdType": "PERCENTAGE"}  # the default
    assert refused(budget.create_notification, **NAME, Notification=again, Subscribers=[MAIL])[0] == (
        "DuplicateRecordException"
    )
    other = {**WARN, "Threshold": 76.0}
    assert refused(budget.describe_subscribers_for_notification, **NAME, Notification=other)[0] == "NotFoundException"
    assert refused(budget.delete_notification, **NAME, Notification=other)[0] == "NotFoundException"


def test_subscribers_are_added_changed_and_removed(budget: Any) -> None:
    budget.create_subscriber(**NAME, Notification=WARN, Subscriber=MAIL)
    assert subscribers(budget) == [TOPIC, MAIL]
    changed = {**MAIL, "Address": "other@example.com"}
    budget.update_subscriber(**NAME, Notification=WARN, OldSubscriber=MAIL, NewSubscriber=changed)
    budget.delete_subscriber(**NAME, Notification=WARN, Subscriber=TOPIC)
    assert subscribers(budget) == [changed]


def test_an_update_changes_the_limit_and_keeps_the_notifications(budget: Any) -> None:
    limit = {"Amount": "25", "Unit": "USD"}
    budget.update_budget(AccountId=ACCOUNT, NewBudget={**BUDGET, "BudgetLimit": limit})
    assert budget.describe_budget(**NAME)["Budget"]["BudgetLimit"] == limit
    assert subscribers(budget) == [TOPIC]
    other = {**BUDGET, "BudgetName": "other"}
    assert refused(budget.update_budget, AccountId=ACCOUNT, NewBudget=other)[0] == "NotFoundException"


def test_a_notification_can_be_changed(budget: Any) -> None:
    later = {**WARN, "Threshold": 80.0}
    budget.update_notification(**NAME, OldNotification=WARN, NewNotification=later)
    assert budget.describe_notifications_for_budget(**NAME)["Notifications"][0]["Threshold"] == 80


def test_tags_given_at_the_creation_are_read_back(budgets: Any) -> None:
    tags = [{"Key": "Project", "Value": "tinyllama"}]
    budgets.create_budget(AccountId=ACCOUNT, Budget=BUDGET, ResourceTags=tags)
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/tlfif-monthly"
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == tags

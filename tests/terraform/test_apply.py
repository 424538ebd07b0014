"""The root really applies: again is nothing, and a variable changes only what it names."""

import pytest

from tests.terraform.stack import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]


def test_a_second_plan_is_empty(stack: Stack) -> None:
    assert not stack.is_up_to_date()


def test_another_budget_changes_the_budget_and_those_who_know_it_only(stack: Stack) -> None:
    changed = {change.address: change.actions for change in stack.plan(budget_eur=15)}
    assert changed.pop("module.ops.aws_budgets_budget.tlfif_monthly") == ("update",)
    assert all(actions == ("update",) for actions in changed.values())
    assert all("aws_lambda_function" in address or "aws_lambda_alias" in address for address in changed)
    stack.apply_plan()
    account = stack.client("sts").get_caller_identity()["Account"]
    (budget,) = stack.client("budgets").describe_budgets(AccountId=account)["Budgets"]
    assert float(budget["BudgetLimit"]["Amount"]) < 20
    stack.plan()
    stack.apply_plan()

"""The module `tl_budget` on the strict local AWS."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from library import tl_budget
from tests.ansible.budgets import COMPUTE, LOGS, Money, money
from tests.ansible.conftest import Cloud
from tinyllama.adapters.aws_budget import AwsBudget, connect
from tinyllama.domain import budget as domain
from tinyllama.domain.budget import BudgetError, Standing, Wanted
from tinyllama.domain.wake_switch import BUDGET, WakeSwitch

__all__ = ["money"]  # the fixture
Module = Callable[..., dict[str, Any]]
cents = st.decimals(Decimal("0.01"), 1_000, places=2)
OFF = WakeSwitch(enabled=False, reason=BUDGET)


@pytest.fixture
def module(money: Money, capsys: pytest.CaptureFixture[str]) -> Module:
    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        with (
            patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}),
            pytest.raises(SystemExit),
        ):
            tl_budget.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_the_facts_say_what_is_spent_and_what_the_killer_did_and_cost_nothing(money: Money, module: Module) -> None:
    money.kill()
    answer = module()
    assert (answer["changed"], answer["before"], money.writes()) == (False, answer["after"], [])
    assert answer["before"]["limit_eur"] == "20.00"
    told = answer["budget"]
    assert (told["spent_eur"], told["forecast_eur"], told["exhausted"]) == ("21.51", "26.24", True)
    assert told["alerts"] == [
        {"percent": "75.0", "of": "actual", "at_eur": "15.00", "state": "ALARM"},
        {"percent": "105.0", "of": "actual", "at_eur": "21.00", "state": "ALARM"},
    ]
    assert (told["wake"]["enabled"], told["wake"]["reason"], told["wake"]["until"]) == (False, "budget", told["resets"])
    [node] = answer["found"]["nodes"]
    assert (node["id"], node["state"], node["by_killer"]) == (money.cloud.node_id, "stopped", True)
    assert node["why"].startswith("User initiated")
    assert answer["found"]["addresses"] == []
    assert answer["found"]["queue"] == {"state": "absent", "wanted": False}
    assert (answer["spend"], money.cloud.aws.calls("ce")) == (None, [])
    assert answer["node"] == {"id": "tlfif-monthly", "account": "123456789012", "region": "eu-central-1"}


def test_spending_by_service_is_asked_for_once_and_only_on_request(money: Money, module: Module) -> None:
    money.spend("15.00")
    answer = module(by_service=True)
    assert answer["spend"] == [{"service": COMPUTE, "eur": "13.12"}, {"service": LOGS, "eur": "0.26"}]
    assert [call["operation"] for call in money.cloud.aws.calls("ce")] == ["GetCostAndUsage"]


def test_what_credits_pay_for_is_spent_all_the_same(money: Money, module: Module) -> None:
    module(limit_eur="25")  # which keeps what the budget counts
    money.cloud.aws.spending.set({COMPUTE: "24.30", LOGS: "0.30"}, credited={COMPUTE: "24.30"})
    answer = module(by_service=True)
    assert answer["spend"] == [{"service": COMPUTE, "eur": "21.25"}, {"service": LOGS, "eur": "0.26"}]
    assert answer["budget"]["spent_eur"] == "21.51"


@pytest.mark.parametrize(
    ("options", "writes"),
    [
        ({"limit_eur": "25"}, ["UpdateBudget"]),
        ({"limit_eur": "25.50", "wake": "enabled"}, ["UpdateBudget", "PutParameter"]),
        ({"wake": "disabled"}, ["PutParameter"]),
    ],
)
def test_check_do_check_do_is_changed_changed_ok_ok(
    money: Money, module: Module, options: dict[str, str], writes: list[str]
) -> None:
    money.kill()
    if options.get("wake") == "disabled":
        money.is_on()
    predicted = module(check=True, **options)
    assert money.writes() == []
    done = module(**options)
    assert money.writes() == writes
    money.cloud.aws.clear()
    again = [module(check=True, **options), module(**options)]
    assert money.writes() == []
    assert [answer["changed"] for answer in (predicted, done, *again)] == [True, True, False, False]
    assert predicted | {"invocation": 0} == done | {"invocation": 0}
    assert again[1]["before"] == done["after"]


def test_only_the_limit_is_changed_and_the_alerts_stay(money: Money, module: Module) -> None:
    before = money.budget()
    module(limit_eur="25")
    after = money.budget()
    assert after["BudgetLimit"] == {"Amount": "28.59", "Unit": "USD"}
    changed = {"BudgetLimit": 0, "LastUpdatedTime": 0, "CalculatedSpend": 0}
    assert after | changed == before | changed
    assert len(module()["budget"]["alerts"]) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limit_eur": "21"}, "EUR 21.51 are spent this month, and the limit would be EUR 21.00"),
        ({"wake": "enabled"}, "EUR 21.51 are spent this month, and the limit would be EUR 20.00"),
        ({"limit_eur": "41"}, "EUR 41.00 is more than twice the EUR 20"),
        ({"limit_eur": "much"}, "'much' is no sum of euros: say it as 25 or 25.50"),
        ({"limit_eur": "-5"}, "is no sum of euros"),
        ({"limit_eur": "0"}, "is no sum of euros"),
        ({"limit_eur": "nan"}, "is no sum of euros"),
        ({"limit_eur": "1e400"}, "is no sum of euros"),
        ({"limit_eur": "25.505"}, "is no sum of euros"),
        ({"limit_eur": "25", "expect_account": "210987654321"}, "This is account 123456789012 in eu-central-1"),
        ({"limit_eur": "25", "expect_region": "eu-west-1"}, "This is account 123456789012 in eu-central-1"),
        ({"wake": "perhaps"}, "value of wake must be one of"),
    ],
)
def test_what_would_be_regretted_is_refused_and_nothing_is_touched(
    money: Money, module: Module, options: dict[str, str], says: str
) -> None:
    money.kill()
    for check in (True, False):
        answer = module(check=check, **options)
        assert says in answer["msg"]
        assert answer.get("restored") is None
    assert money.writes() == []


def test_a_limit_over_the_ceiling_is_set_by_force(money: Money, module: Module) -> None:
    assert module(limit_eur="60", force=True)["after"]["limit_eur"] == "60.00"


def test_after_a_change_the_newer_figures_of_cost_explorer_are_counted_with(money: Money, module: Module) -> None:
    money.kill()
    assert module(limit_eur="25")["changed"]
    [warning] = module(check=True)["warnings"]  # Budgets says 0 now
    assert "by_service=true asks Cost Explorer, for USD 0.01" in json.dumps(warning)
    assert "EUR 21.51 are spent" in module(limit_eur="21", by_service=True)["msg"]


def test_without_a_budget_it_says_what_makes_one(money: Money, module: Module) -> None:
    money.budgets.delete_budget(AccountId="123456789012", BudgetName="tlfif-monthly")
    answer = module(limit_eur="25")
    assert "There is no budget tlfif-monthly in account 123456789012: `terraform apply` makes it" in answer["msg"]


def test_a_switch_that_is_not_understood_is_no_yes(money: Money, module: Module) -> None:
    money.put("perhaps")
    answer = module(wake="enabled")
    assert "which is no switch" in answer["msg"]
    assert money.writes() == []


@pytest.mark.parametrize("operation", ["budgets:UpdateBudget", "budgets:DescribeBudget", "ssm:PutParameter"])
def test_throttling_for_a_moment_is_survived(money: Money, module: Module, operation: str) -> None:
    money.cloud.aws.fail(operation, "ThrottlingException", times=1, status=400)
    assert module(limit_eur="25", wake="disabled")["changed"]
    assert (money.limit, money.switch().enabled) == ("28.59", False)


def test_a_failure_in_the_middle_leaves_no_wake_and_the_second_run_goes_on(money: Money, module: Module) -> None:
    money.kill()
    money.cloud.aws.fail("ssm:PutParameter", "AccessDeniedException", times=1, status=400)
    failed = module(limit_eur="25", wake="enabled")
    assert "Some of it was done: run the same command again, it goes on" in failed["msg"]
    assert (failed["restored"], money.limit, money.switch().enabled) == (False, "28.59", False)
    assert module(limit_eur="25", wake="enabled")["steps"][0]["action"] == "wake"
    assert money.switch().enabled


class LosesAnswers:
    """A client whose updates are accepted, and whose answers never arrive."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name != "update_budget":
            return call

        def lost(**wanted: Any) -> Any:
            call(**wanted)
            raise ReadTimeoutError(endpoint_url="budgets")

        return lost


def test_an_update_whose_answer_was_lost_is_known_by_looking(money: Money) -> None:
    AwsBudget(LosesAnswers(connect("budgets")), "123456789012").set_limit(Decimal("30.00"))
    assert money.limit == "30.00"


def test_an_aws_that_hangs_is_an_error_that_says_nothing_was_changed(
    cloud: Cloud, money: Money, module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(LosesAnswers):
        def __getattr__(self, name: str) -> Any:
            if name != "update_budget":
                return getattr(self._client, name)

            def hangs(**_: Any) -> Any:
                raise ReadTimeoutError(endpoint_url="budgets")

            return hangs

    monkeypatch.setattr(
        tl_budget,
        "connect",
        lambda service, **place: Deaf(connect(service, **place)) if service == "budgets" else connect(service, **place),
    )
    answer = module(limit_eur="25")
    assert "ReadTimeoutError" in answer["msg"]
    assert (answer["restored"], money.limit) == (False, "22.87")


def test_what_cannot_be_seen_is_said_and_the_facts_come_all_the_same(money: Money, module: Module) -> None:
    money.cloud.aws.fail("elasticache:DescribeReplicationGroups", "AccessDenied", times=None, status=403)
    answer = module()
    assert answer["found"]["queue"].startswith("cannot be seen: AccessDenied")
    assert answer["budget"]["name"] == "tlfif-monthly"


@given(cents, cents, cents, st.booleans(), st.sampled_from([None, True, False]))
def test_no_plan_that_is_carried_out_wakes_what_the_budget_does_not_allow(
    limit: Decimal, spent: Decimal, raise_to: Decimal, raised: bool, wake: bool | None
) -> None:
    now = Standing(limit, OFF)
    switch = None if wake is None else WakeSwitch() if wake else OFF
    wanted = Wanted(raise_to if raised else None, switch, force=True)
    end, steps = domain.plan(now, wanted)
    assert domain.plan(end, wanted) == (end, ())
    try:
        domain.check(domain.Budget(limit, spent, None), spent, end, wanted)
    except BudgetError:
        return
    if end.switch.enabled:
        assert spent < end.limit_usd
        assert [step.action for step in steps][-1] == "wake"


@given(cents)
def test_an_amount_in_euro_comes_back_as_it_was_said(eur: Decimal) -> None:
    assert domain.parse_eur(f"{eur}") == eur
    assert abs(domain.in_eur(domain.in_usd(eur)) - eur) <= Decimal("0.01")

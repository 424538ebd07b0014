"""The runbook `budget_recovery.yml`, after a killer that stopped everything, on the strict local AWS."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.redis_server import RedisServer
from tests.ansible.budgets import Money, money
from tests.ansible.conftest import ROOT, Cloud, Run, killed_with_its_workers, once
from tests.ansible.test_address import OURS, allocate, holders
from tests.ansible.test_node_runbooks import lease
from tests.ansible.test_queue_cluster import redis
from tests.ansible.test_smoke import Api, api
from tinyllama.domain.smoke import LIMIT_S

__all__ = ["api", "money", "redis"]  # the fixtures
Runbook = Callable[..., Run]
QUICK = {"confirm": "tinyllama-gpu", "poll_interval": "0.1"}
RAISE = {"raise_to": "25", **QUICK}
STEPS = [
    "UpdateBudget",
    "CreateReplicationGroup",
    "CreateSchedule",
    "StartInstances",
    "AssociateAddress",
    "PutParameter",
]


def made(cloud: Cloud) -> list[str]:
    """The changing calls so far, in order of time, of services on which money is spent."""
    services = ("budgets", "ssm", "ec2", "scheduler", "elasticache")
    calls = [call for service in services for call in cloud.aws.calls(service) if call["write"]]
    return [call["operation"] for call in sorted(calls, key=lambda call: str(call["time"]))]


def test_asked_for_nothing_it_says_why_and_touches_nothing(money: Money, runbook: Runbook) -> None:
    money.kill()
    run = runbook("budget_recovery")
    assert run.code == 0, run.output
    assert "EUR 21.51 of 20.00, as AWS knew 8 to 12 hours ago" in run.output
    assert "by_killer: true" in run.output
    assert "wake: disabled (budget) until" in run.output
    assert (money.writes(), run.changed, money.cloud.aws.calls("ce")) == ([], 0, [])


def test_all_of_it_comes_back_in_an_order_that_is_safe_and_the_second_run_changes_nothing(
    money: Money, redis: RedisServer, api: Api, runbook: Runbook
) -> None:
    address = allocate(money.cloud, **OURS)
    money.kill()
    checked = runbook("budget_recovery", "--check", "--diff", **RAISE)
    assert checked.code == 0, checked.output
    assert money.writes() == []
    done = runbook("budget_recovery", **RAISE)
    assert done.code == 0, done.output
    assert made(money.cloud) == STEPS
    assert (money.limit, money.switch().enabled, money.cloud.node()[1]) == ("28.59", True, "running")
    assert (holders(money.cloud)[address], bool(lease(money.cloud))) == (money.cloud.node_id, True)
    assert len(api.prompts) == 1
    assert checked.changed == done.changed == 5
    record = done.audit[-1]
    assert (record["what"], record["outcome"], record["node"]) == ("budget_recovery", "changed", money.cloud.node_id)
    for step in ("limit EUR 25.00", "wake enabled", "create creating", "start running"):
        assert step in record["plan"]
    assert (record["before"]["state"], record["after"]["state"]) == ("stopped", "running")
    money.cloud.aws.clear()
    again = runbook("budget_recovery", raise_to="25", smoke="false")
    assert again.code == 0, again.output
    assert (again.changed, money.writes()) == (0, [])


def test_while_the_money_is_spent_waiting_forbids_wakes_until_the_month_ends(money: Money, runbook: Runbook) -> None:
    money.kill()
    money.is_on()  # as if the killer had not got so far
    checked = runbook("budget_recovery", "--check", wait="true")
    done = runbook("budget_recovery", wait="true", **QUICK)
    assert done.code == 0, done.output
    assert made(money.cloud) == ["PutParameter"]
    switch = money.switch()
    assert (switch.enabled, switch.reason, money.cloud.node()[1]) == (False, "budget", "stopped")
    assert checked.changed == done.changed == 1
    assert runbook("budget_recovery", wait="true").changed == 0


def test_once_there_is_money_again_waiting_is_over_and_what_was_not_there_is_not_made(
    money: Money, api: Api, runbook: Runbook
) -> None:
    money.kill()
    money.spend("1.20")  # another month
    run = runbook("budget_recovery", wait="true", **QUICK)
    assert run.code == 0, run.output
    assert made(money.cloud) == ["CreateSchedule", "StartInstances", "PutParameter"]
    assert money.switch().enabled


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"raise_to": "21"}, "EUR 21.51 are spent this month"),
        ({"raise_to": "25", "wait": "true"}, "Say one of -e raise_to=EUR and -e wait=true"),
        ({"raise_to": "25", "expect_account": "210987654321"}, "This is account 123456789012"),
        ({"raise_to": "25", "confirm": "another"}, "-e confirm=tinyllama-gpu"),
        ({"raise_to": "25", "smoke": "true"}, "The smoke test needs TL_API_URL and REPLY_BUCKET"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_touched(
    money: Money, runbook: Runbook, inputs: dict[str, str], says: str
) -> None:
    money.kill()
    run = runbook("budget_recovery", **QUICK | {"smoke": "false"} | inputs)
    assert run.code == 2, run.output
    assert says in run.output
    assert money.writes() == []
    assert [line["outcome"] for line in run.audit] == ["refused"]


def test_wakes_that_somebody_else_has_forbidden_stay_so_unless_forced(money: Money, runbook: Runbook) -> None:
    money.kill()
    money.put('{"enabled": false, "reason": "maintenance"}')
    run = runbook("budget_recovery", smoke="false", **RAISE)
    assert (run.code, money.writes()) == (2, [])
    assert "Wakes are disabled (maintenance)" in run.output


def test_a_node_that_does_not_start_leaves_wakes_forbidden_and_the_second_run_completes(
    money: Money, runbook: Runbook
) -> None:
    money.kill()
    money.cloud.no_capacity_for("t3.small")
    failed = runbook("budget_recovery", smoke="false", **RAISE)
    assert failed.code == 2
    assert (money.limit, money.switch().enabled, money.cloud.node()[1]) == ("28.59", False, "stopped")
    assert failed.audit[-1]["outcome"] == "failed", "the limit is not put back with the node"
    money.cloud.aws.clear()
    done = runbook("budget_recovery", smoke="false", **RAISE)
    assert done.code == 0, done.output
    assert (money.switch().enabled, money.cloud.node()[1]) == (True, "running")


@pytest.mark.parametrize("steps", [STEPS[:3], STEPS[3:]], ids=["before the node starts", "from then on"])
def test_killed_at_each_step_nothing_runs_without_a_lease_nor_can_be_woken_and_another_run_completes(
    money: Money, redis: RedisServer, runbook: Runbook, tmp_path: Path, steps: list[str]
) -> None:
    address = allocate(money.cloud, **OURS)
    money.kill()
    for step in steps:
        money.cloud.aws.clear()
        # Between a call and the kill another one may be made: then a later round finds that nothing is left to be done.
        assert killed_at(money.cloud, step, runbook) or step != steps[0]
        assert money.cloud.node()[1] in {"stopped", "stopping"} or lease(money.cloud)
        assert money.limit == "28.59", "it comes before all else, wakes among it"
    done = runbook("budget_recovery", smoke="false", **RAISE)
    assert done.code == 0, done.output
    assert (money.switch().enabled, money.limit, money.cloud.node()[1]) == (True, "28.59", "running")
    assert (holders(money.cloud)[address], bool(lease(money.cloud))) == (money.cloud.node_id, True)
    groups = money.cloud.aws.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    assert [group["Status"] for group in groups] == ["available"]
    assert list(tmp_path.rglob("i-*.json")) == []


def killed_at(cloud: Cloud, step: str, runbook: Runbook) -> bool:
    """Run it, and kill it and its workers once that call was made; whether it was, before the run ended by itself."""
    service = {"UpdateBudget": "budgets", "CreateReplicationGroup": "elasticache"}.get(step, "ec2")
    service = {"CreateSchedule": "scheduler", "PutParameter": "ssm"}.get(step, service)
    kill = once(lambda: cloud.aws.calls(service, step), killed_with_its_workers)
    return runbook("budget_recovery", meanwhile=kill, smoke="false", **RAISE).code == -signal.SIGKILL


def test_its_waits_together_are_no_longer_than_five_minutes() -> None:
    [play] = yaml.safe_load((ROOT / "playbooks" / "budget_recovery.yml").read_text())
    bounds: dict[str, Any] = play["module_defaults"]
    waits = [bounds["tl_node"]["wait_timeout"], bounds["tl_queue_cluster"]["wait_timeout"]]
    seconds = [int(text.partition("default(")[2].partition(")")[0]) for text in waits]
    assert 0 < sum(seconds) + LIMIT_S <= 300


def test_a_start_by_hand_is_warned_that_wakes_are_forbidden_and_starts(money: Money, runbook: Runbook) -> None:
    money.kill()
    run = runbook("start", **QUICK)
    assert run.code == 0, run.output
    assert "Requests may not wake the node: disabled (budget) until" in " ".join(run.output.split())
    assert (money.cloud.node()[1], money.switch().enabled) == ("running", False)
    assert bool(lease(money.cloud))


def test_a_start_by_hand_does_not_need_the_switch(money: Money, runbook: Runbook) -> None:
    money.cloud.aws.fail("ssm:GetParameter", "AccessDeniedException", times=None, status=400)
    run = runbook("start", "--check")
    assert run.code == 0, run.output
    assert "Whether requests may wake the node is unknown" in " ".join(run.output.split())

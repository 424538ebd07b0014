"""What `Leases` promises, in memory and on the strict local AWS."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.aws.account import Account
from local.aws.seed import seed
from local.aws.server import StrictAws
from tinyllama.adapters.memory_leases import MemoryLeases
from tinyllama.adapters.scheduler_leases import SchedulerLeases, connect
from tinyllama.domain.errors import LeaseError
from tinyllama.ports import Leases

SOON = int(time.time()) + 3_600


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws(boot_s=0, stop_s=0) as running:
        yield running


@pytest.fixture
def account(aws: StrictAws) -> Account:
    return seed(aws.url)


@pytest.fixture(params=["memory", "strict AWS"])
def leases(request: pytest.FixtureRequest) -> Leases:
    if request.param == "memory":
        return MemoryLeases()
    running, account = request.getfixturevalue("aws"), request.getfixturevalue("account")
    return SchedulerLeases(running.client("scheduler"), account.lease_role_arn)


def test_a_node_has_no_lease_until_one_is_granted(leases: Leases) -> None:
    assert leases.ends_at("i-1") is None
    leases.grant("i-1", SOON)
    assert leases.ends_at("i-1") == SOON


@pytest.mark.parametrize("later", [600, -600])
def test_a_grant_replaces_the_lease_that_there_was(leases: Leases, later: int) -> None:
    leases.grant("i-1", SOON)
    leases.grant("i-1", SOON + later)
    assert leases.ends_at("i-1") == SOON + later


def test_leases_of_two_nodes_do_not_meet(leases: Leases) -> None:
    leases.grant("i-1", SOON)
    leases.grant("i-2", SOON + 60)
    assert (leases.ends_at("i-1"), leases.ends_at("i-2")) == (SOON, SOON + 60)


def test_two_at_once_leave_one_lease_and_no_error(leases: Leases) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda later: leases.grant("i-1", SOON + later), range(8)))
    assert leases.ends_at("i-1") in range(SOON, SOON + 8)


class TestOnAws:
    def test_the_lease_is_a_one_shot_schedule_that_stops_the_node_and_removes_itself(
        self, aws: StrictAws, account: Account
    ) -> None:
        scheduler = aws.client("scheduler")
        leases = SchedulerLeases(scheduler, account.lease_role_arn)
        for until in (1_900_000_000, 1_900_000_060):  # once created, once replaced
            leases.grant("i-0123456789abcdef0", until)
            found = scheduler.get_schedule(Name="tinyllama-lease-i-0123456789abcdef0")
            assert found["ActionAfterCompletion"] == "DELETE"
            assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
            assert found["ScheduleExpressionTimezone"] == "UTC"
            assert found["Target"]["Arn"] == "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"
            assert found["Target"]["Input"] == '{"InstanceIds": ["i-0123456789abcdef0"]}'
            assert found["Target"]["RoleArn"] == account.lease_role_arn
        assert found["ScheduleExpression"] == "at(2030-03-17T17:47:40)"

    def test_a_lease_that_fires_while_it_is_replaced_is_granted_anew(self, aws: StrictAws, account: Account) -> None:
        leases = SchedulerLeases(aws.client("scheduler"), account.lease_role_arn)
        aws.fail("scheduler:CreateSchedule", "ConflictException")
        leases.grant("i-1", SOON)
        assert leases.ends_at("i-1") == SOON

    def test_a_schedule_that_comes_and_goes_is_given_up_after_a_few_rounds(
        self, aws: StrictAws, account: Account
    ) -> None:
        aws.fail("scheduler:CreateSchedule", "ConflictException", times=None)
        with pytest.raises(LeaseError, match="Contended"):
            SchedulerLeases(aws.client("scheduler"), account.lease_role_arn).grant("i-1", SOON)

    @pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "ServiceQuotaExceededException"])
    @pytest.mark.parametrize("operation", ["CreateSchedule", "GetSchedule"])
    def test_a_refusal_carries_aws_s_code(self, aws: StrictAws, account: Account, operation: str, code: str) -> None:
        leases = SchedulerLeases(aws.client("scheduler"), account.lease_role_arn)
        aws.fail(f"scheduler:{operation}", code)
        with pytest.raises(LeaseError) as caught:
            leases.grant("i-1", SOON) if operation == "CreateSchedule" else leases.ends_at("i-1")
        assert caught.value.code == code

    def test_a_role_that_the_scheduler_may_not_take_on_is_refused_at_once(self, aws: StrictAws) -> None:
        leases = SchedulerLeases(aws.client("scheduler"), "arn:aws:iam::123456789012:role/nobody")
        with pytest.raises(LeaseError, match="must allow AWS EventBridge Scheduler to assume the role"):
            leases.grant("i-1", SOON)

    def test_a_schedule_of_somebody_else_under_our_name_is_no_lease(self, aws: StrictAws, account: Account) -> None:
        target = {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "RoleArn": account.lease_role_arn}
        schedule: dict[str, Any] = {"Name": "tinyllama-lease-i-1", "ScheduleExpression": "rate(1 hour)"}
        scheduler = aws.client("scheduler")
        scheduler.create_schedule(**schedule, FlexibleTimeWindow={"Mode": "OFF"}, Target=target)
        with pytest.raises(LeaseError, match="no one-shot schedule of ours"):
            SchedulerLeases(scheduler, account.lease_role_arn).ends_at("i-1")

    def test_a_scheduler_that_is_not_there_is_a_lease_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        client = connect(region="eu-central-1", endpoint_url="http://127.0.0.1:9", timeout_s=0.2, attempts=1)
        with pytest.raises(LeaseError, match="EndpointConnectionError"):
            SchedulerLeases(client, "arn:aws:iam::123456789012:role/x").grant("i-1", SOON)

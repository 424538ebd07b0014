"""Automation documents: wrong ones are refused, and the real one does its real steps, and puts things back."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from local.aws.account import Account
from local.aws.seed import seed
from local.aws.server import StrictAws
from tests.integration.aws.instances import refused
from tinyllama.adapters.ssm_automation import SsmAutomation
from tinyllama.domain.automation import Execution, ExecutionStatus

DOCUMENT = "TL-ResizeInstance"
PARAMETERS = "InvalidAutomationExecutionParametersException"


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws(boot_s=0.1, stop_s=0.1) as running:
        yield running


@pytest.fixture
def account(aws: StrictAws) -> Account:
    found = seed(aws.url)
    aws.clear()
    return found


def until(seconds: float = 3_600) -> str:
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"


def ask(account: Account, action: str, target: str = "", **more: str) -> dict[str, str]:
    return {"InstanceId": account.instance_id, "Action": action, "TargetType": target, "LeaseUntil": until(), **more}


def start(aws: StrictAws, given: Mapping[str, str], token: str = "") -> str:
    return SsmAutomation(aws.client("ssm")).start(DOCUMENT, given, token or str(uuid4()))


def ended(aws: StrictAws, execution_id: str) -> Execution:
    for _ in range(400):
        found = SsmAutomation(aws.client("ssm")).execution(execution_id)
        assert found is not None
        if found.ended:
            return found
        time.sleep(0.02)  # the local AWS works in real time here
    pytest.fail(f"still under way: {found}")


def done(aws: StrictAws, given: Mapping[str, str]) -> Execution:
    return ended(aws, start(aws, given))


def node(aws: StrictAws, account: Account) -> tuple[str, str]:
    answer = aws.client("ec2").describe_instances(InstanceIds=[account.instance_id])
    found = answer["Reservations"][0]["Instances"][0]
    return found["InstanceType"], found["State"]["Name"]


def names(execution: Execution) -> list[str]:
    return [step.name for step in execution.steps]


class TestRefusals:
    def test_a_document_that_does_not_exist_or_is_no_automation(self, aws: StrictAws, account: Account) -> None:
        ssm = aws.client("ssm")
        content = '{"schemaVersion": "2.2", "mainSteps": []}'
        ssm.create_document(Name="A-Command", DocumentType="Command", Content=content)
        for name in ("TL-Other", "A-Command"):
            code, _, _ = refused(ssm.start_automation_execution, DocumentName=name)
            assert code == "AutomationDefinitionNotFoundException"
        code, _, _ = refused(ssm.start_automation_execution, DocumentName=DOCUMENT, DocumentVersion="9")
        assert code == "AutomationDefinitionVersionNotFoundException"

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"Action": "destroy"}, "not one of"),
            ({"TargetType": "p4d.24xlarge"}, "not one of"),
            ({"LeaseUntil": "tomorrow"}, "does not match"),
            ({"InstanceId": "i"}, "does not match"),
            ({"Other": "x"}, "Invalid parameter names"),
        ],
    )
    def test_a_parameter_that_the_document_does_not_take(
        self, aws: StrictAws, account: Account, wrong: dict[str, str], said: str
    ) -> None:
        given = {name: [text] for name, text in (ask(account, "stop") | wrong).items() if text}
        code, _, message = refused(
            aws.client("ssm").start_automation_execution, DocumentName=DOCUMENT, Parameters=given
        )
        assert code == PARAMETERS
        assert said in message

    def test_a_parameter_that_is_missing_or_has_two_values(self, aws: StrictAws, account: Account) -> None:
        call = aws.client("ssm").start_automation_execution
        assert refused(call, DocumentName=DOCUMENT, Parameters={"Action": ["stop"]})[0] == PARAMETERS
        twice = {"InstanceId": [account.instance_id], "Action": ["stop", "start"]}
        assert refused(call, DocumentName=DOCUMENT, Parameters=twice)[0] == PARAMETERS

    def test_a_role_that_automation_may_not_take_on(self, aws: StrictAws, account: Account) -> None:
        given = {"InstanceId": [account.instance_id], "Action": ["stop"]}
        given["AutomationAssumeRole"] = [account.lease_role_arn]
        code, _, message = refused(
            aws.client("ssm").start_automation_execution, DocumentName=DOCUMENT, Parameters=given
        )
        assert (code, message) == (PARAMETERS, "The defined assume role is unable to be assumed.")

    def test_a_document_whose_steps_lead_nowhere_cannot_be_created(self, aws: StrictAws, account: Account) -> None:
        text = aws.client("ssm").get_document(Name=DOCUMENT)["Content"]
        for wrong in (("step:renewLease", "step:nowhere"), ("{{ before.State }}", "{{ before.Other }}")):
            assert wrong[0] in text
            given = {"Name": "TL-Broken", "DocumentType": "Automation", "DocumentFormat": "YAML"}
            given["Content"] = text.replace(*wrong)
            assert refused(aws.client("ssm").create_document, **given)[0] == "InvalidDocumentContent"

    def test_an_execution_that_does_not_exist(self, aws: StrictAws, account: Account) -> None:
        call = aws.client("ssm").get_automation_execution
        assert refused(call, AutomationExecutionId=str(uuid4()))[0] == "AutomationExecutionNotFoundException"
        assert SsmAutomation(aws.client("ssm")).execution(str(uuid4())) is None


class TestTheResizeDocument:
    def test_it_starts_resizes_and_stops_the_node(self, aws: StrictAws, account: Account) -> None:
        started = done(aws, ask(account, "start"))
        assert (started.status, node(aws, account)) == (ExecutionStatus.SUCCEEDED, ("t3.small", "running"))
        bigger = done(aws, ask(account, "resize", "g4dn.xlarge"))
        assert (bigger.status, node(aws, account)) == (ExecutionStatus.SUCCEEDED, ("g4dn.xlarge", "running"))
        smaller = done(aws, ask(account, "resize", "t3.small"))
        assert (smaller.status, node(aws, account)) == (ExecutionStatus.SUCCEEDED, ("t3.small", "running"))
        stopped = done(aws, ask(account, "stop"))
        assert (stopped.status, node(aws, account)) == (ExecutionStatus.SUCCEEDED, ("t3.small", "stopped"))

    def test_a_stopped_node_stays_stopped(self, aws: StrictAws, account: Account) -> None:
        found = done(aws, ask(account, "resize", "g4dn.xlarge"))
        assert (found.status, node(aws, account)) == (ExecutionStatus.SUCCEEDED, ("g4dn.xlarge", "stopped"))
        assert not aws.calls("ec2", "StartInstances")

    def test_the_lease_is_there_before_the_node_starts(self, aws: StrictAws, account: Account) -> None:
        done(aws, ask(account, "start"))
        writes = [(call["operation"]) for call in aws.calls("ec2") + aws.calls("scheduler") if call["write"]]
        assert sorted(writes) == ["CreateSchedule", "StartInstances"]
        lease, started = aws.calls("scheduler")[0], aws.calls("ec2", "StartInstances")[0]
        assert lease["time"] <= started["time"]

    def test_an_older_lease_is_renewed_and_the_execution_succeeds_all_the_same(
        self, aws: StrictAws, account: Account
    ) -> None:
        done(aws, ask(account, "start"))
        later = until(7_200)
        found = done(aws, ask(account, "start", LeaseUntil=later))
        assert found.status is ExecutionStatus.SUCCEEDED
        assert names(found)[2:4] == ["grantLease", "renewLease"]
        assert found.failed_step is None
        lease = aws.client("scheduler").get_schedule(Name=f"tinyllama-lease-{account.instance_id}")
        assert lease["ScheduleExpression"] == f"at({later})"

    def test_without_capacity_type_and_state_are_put_back_and_the_execution_fails(
        self, aws: StrictAws, account: Account
    ) -> None:
        done(aws, ask(account, "start"))
        aws.fail("ec2:StartInstances", "InsufficientInstanceCapacity", match={"InstanceType": "g4dn.xlarge"})
        found = done(aws, ask(account, "resize", "g4dn.xlarge"))
        assert found.status is ExecutionStatus.FAILED
        assert found.failed_step is not None
        assert (found.failed_step.name, found.failed_step.error_code) == ("start", "InsufficientInstanceCapacity")
        assert names(found)[-1] == "restoreStart"
        time.sleep(0.2)
        assert node(aws, account) == ("t3.small", "running")

    def test_a_stopped_node_is_put_back_without_being_started(self, aws: StrictAws, account: Account) -> None:
        aws.fail("ec2:ModifyInstanceAttribute", "InternalError")
        found = done(aws, ask(account, "resize", "g4dn.xlarge"))
        assert (found.status, node(aws, account)) == (ExecutionStatus.FAILED, ("t3.small", "stopped"))
        assert not aws.calls("ec2", "StartInstances")

    def test_without_a_lease_the_node_does_not_start(self, aws: StrictAws, account: Account) -> None:
        aws.fail("scheduler:CreateSchedule", "InternalServerException", times=None, status=500)
        aws.fail("scheduler:UpdateSchedule", "InternalServerException", times=None, status=500)
        found = done(aws, ask(account, "start"))
        assert (found.status, node(aws, account)) == (ExecutionStatus.FAILED, ("t3.small", "stopped"))
        assert names(found)[-1] == "renewLease"

    def test_an_instance_that_is_not_our_node_is_not_touched(self, aws: StrictAws, account: Account) -> None:
        ec2 = aws.client("ec2")
        ec2.delete_tags(Resources=[account.instance_id], Tags=[{"Key": "Role"}])
        aws.clear()
        found = done(aws, ask(account, "start"))
        assert (found.status, names(found)) == (ExecutionStatus.FAILED, ["before"])
        assert [call["operation"] for call in aws.calls("ec2") if call["write"]] == []

    def test_the_role_may_do_no_more_than_its_policy_says(self, aws: StrictAws, account: Account) -> None:
        iam = aws.client("iam")
        iam.delete_role_policy(RoleName="tinyllama-resize-document", PolicyName="duties")
        found = done(aws, ask(account, "stop"))
        assert found.status is ExecutionStatus.FAILED
        assert found.failed_step is not None
        assert "is not authorized to perform: ec2:DescribeInstances" in found.failed_step.error

    def test_steps_call_aws_with_keys_of_the_role(self, aws: StrictAws, account: Account) -> None:
        done(aws, ask(account, "resize", "g4dn.xlarge"))
        [changed] = aws.calls("ec2", "ModifyInstanceAttribute")
        assert changed["caller"].startswith("ASIA")
        assert aws.calls("sts", "AssumeRole")


class TestExecutions:
    def test_the_same_token_starts_one_execution(self, aws: StrictAws, account: Account) -> None:
        token, given = str(uuid4()), ask(account, "stop")
        assert start(aws, given, token) == start(aws, given, token)
        call = aws.client("ssm").start_automation_execution
        other = {name: [text] for name, text in ask(account, "start").items() if text}
        code, _, _ = refused(call, DocumentName=DOCUMENT, Parameters=other, ClientToken=token)
        assert code == "IdempotentParameterMismatch"

    def test_executions_are_listed_newest_first(self, aws: StrictAws, account: Account) -> None:
        first = done(aws, ask(account, "stop")).id
        second = start(aws, ask(account, "start"))
        listed = SsmAutomation(aws.client("ssm")).recent(DOCUMENT)
        assert [one.id for one in listed] == [second, first]
        assert SsmAutomation(aws.client("ssm")).recent("TL-Other") == []

    def test_a_stopped_execution_goes_no_further(self, aws: StrictAws, account: Account) -> None:
        aws.settings(boot_s=600)
        started = start(aws, ask(account, "start"))
        SsmAutomation(aws.client("ssm")).stop(started)
        assert ended(aws, started).status is ExecutionStatus.CANCELLED
        call = aws.client("ssm").stop_automation_execution
        code, _, _ = refused(call, AutomationExecutionId=started, Type="Cancel")
        assert code == "InvalidAutomationStatusUpdateException"

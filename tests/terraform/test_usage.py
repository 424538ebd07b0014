"""What a call needs from a policy: each item of a transaction counts, and an unknown call is not passed over."""

import json
from typing import Any

import pytest

from tests.terraform.usage import Lookup, UnknownUsageError, needed, target_of

ROLE = "arn:aws:iam::123456789012:role/tinyllama-lease"
NODE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-1"
TAGS = {NODE: {"Project": "tinyllama"}}


def call(service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    return {"service": service, "operation": operation, "parameters": parameters}


ACCOUNT = Lookup(tags_of=TAGS.__getitem__, role_of={"TL-Document": ROLE}.__getitem__)


def test_a_transaction_needs_the_action_of_each_of_its_items() -> None:
    items = [{kind: {"TableName": "jobs"}} for kind in ("Put", "Update", "ConditionCheck", "Delete")]
    found = needed(call("dynamodb", "TransactWriteItems", TransactItems=items), ACCOUNT)
    expected = ["PutItem", "UpdateItem", "ConditionCheckItem", "DeleteItem"]
    assert [one.action for one in found] == [f"dynamodb:{name}" for name in expected]
    assert {one.resource for one in found} == {"arn:aws:dynamodb:eu-central-1:123456789012:table/jobs"}


def test_a_call_on_an_instance_carries_its_tags() -> None:
    (found,) = needed(call("ec2", "StopInstances", InstanceId=["i-1"]), ACCOUNT)
    assert (found.resource, found.context) == (NODE, {"aws:resourcetag/project": "tinyllama"})


def test_a_schedule_passes_its_role_which_needs_what_the_schedule_calls() -> None:
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances",
        "RoleArn": ROLE,
        "Input": json.dumps({"InstanceIds": ["i-1"]}),
    }
    made = call("scheduler", "CreateSchedule", Name="lease", GroupName="leases", Target=target)
    own, passed = needed(made, ACCOUNT)
    assert own.resource == "arn:aws:scheduler:eu-central-1:123456789012:schedule/leases/lease"
    assert (passed.action, passed.resource) == ("iam:PassRole", ROLE)
    assert passed.context == {"iam:passedtoservice": "scheduler.amazonaws.com"}
    target_role = target_of(made, ACCOUNT)
    assert target_role
    role, (later,) = target_role
    assert (role, later.action, later.resource) == (ROLE, "ec2:StopInstances", NODE)


def test_starting_a_document_passes_the_role_that_it_works_with() -> None:
    started, passed = needed(call("ssm", "StartAutomationExecution", DocumentName="TL-Document"), ACCOUNT)
    assert started.resource == "arn:aws:ssm:eu-central-1:123456789012:automation-definition/TL-Document:$DEFAULT"
    assert (passed.action, passed.resource) == ("iam:PassRole", ROLE)
    assert passed.context == {"iam:passedtoservice": "ssm.amazonaws.com"}


@pytest.mark.parametrize(
    ("made", "action", "resource"),
    [
        (call("s3", "HeadObject", Bucket="b", Key="k.json"), "s3:GetObject", "arn:aws:s3:::b/k.json"),
        (
            call("sqs", "DeleteMessageBatch", QueueUrl="http://h/123456789012/jobs"),
            "sqs:DeleteMessage",
            "arn:aws:sqs:eu-central-1:123456789012:jobs",
        ),
        (call("ec2", "DescribeInstances"), "ec2:DescribeInstances", "*"),
        (
            call("ssm", "GetParametersByPath", Path="/tinyllama/worker/"),
            "ssm:GetParametersByPath",
            "arn:aws:ssm:eu-central-1:123456789012:parameter/tinyllama/worker",
        ),
        (
            call("ssm", "GetParameter", Name="/tinyllama/wake"),
            "ssm:GetParameter",
            "arn:aws:ssm:eu-central-1:123456789012:parameter/tinyllama/wake",
        ),
    ],
)
def test_calls_whose_action_has_another_name(made: dict[str, Any], action: str, resource: str) -> None:
    (found,) = needed(made, ACCOUNT)
    assert (found.action, found.resource) == (action, resource)


def test_a_call_that_is_not_known_is_an_error() -> None:
    with pytest.raises(UnknownUsageError, match="kms:Decrypt"):
        needed(call("kms", "Decrypt"), ACCOUNT)

"""Which IAM actions, on which resources, a recorded call to AWS needs.

Source: Service Authorization Reference. Only what this project calls: any other call raises `UnknownUsageError`, so
that none goes unmeasured.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.aws.policy import AccessRequest

ACCOUNT, REGION = "123456789012", "eu-central-1"
_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_WITHOUT_RESOURCE = {
    "ec2:DescribeInstances",
    "ec2:DescribeAddresses",
    "ce:GetCostAndUsage",
    "ssm:DescribeAutomationExecutions",
}


class UnknownUsageError(Exception):
    """A call of which it is not known what it needs: add it here, from the Service Authorization Reference."""


@dataclass(frozen=True)
class Lookup:
    """What is looked up in the account: the tags of a resource, by its ARN, and the role of a document, by its name."""

    tags_of: Callable[[str], Mapping[str, str]]
    role_of: Callable[[str], str]


def needed(call: Mapping[str, Any], account: Lookup) -> list[AccessRequest]:
    """Return what a call, as `GET /_tl/calls` tells of it, needs from its caller's policies."""
    return list(_needed(call["service"], call["operation"], call["parameters"], account))


def target_of(call: Mapping[str, Any], account: Lookup) -> tuple[str, list[AccessRequest]] | None:
    """Return the role that a one-shot schedule acts as, and what its call needs; None for any other call."""
    if call["operation"] not in {"CreateSchedule", "UpdateSchedule"}:
        return None
    target = call["parameters"]["Target"]
    _, _, _, _, _, name = target["Arn"].split(":", 5)
    service, operation = name.removeprefix("aws-sdk:").split(":")
    given = json.loads(target["Input"])
    instances = {"InstanceId": given.get("InstanceIds", [])}
    operation = operation[0].upper() + operation[1:]
    return target["RoleArn"], list(_needed(service, operation, instances, account))


def _needed(service: str, operation: str, given: Mapping[str, Any], account: Lookup) -> Iterator[AccessRequest]:
    action = f"{service}:{operation}"
    if action in _WITHOUT_RESOURCE:
        yield AccessRequest(action)
    elif service == "sqs":
        yield AccessRequest(action.removesuffix("Batch"), _arn("sqs", given["QueueUrl"].rsplit("/", 1)[-1]))
    elif action in {"ssm:GetParameter", "ssm:PutParameter"}:
        yield AccessRequest(action, _arn("ssm", f"parameter/{given['Name'].lstrip('/')}"))
    elif service == "dynamodb":
        yield from _items(operation, given)
    elif service == "s3":
        yield AccessRequest(f"s3:{_OBJECT[operation]}", f"arn:aws:s3:::{given['Bucket']}/{given['Key']}")
    elif service == "ec2" and "InstanceId" in given:
        for instance in given["InstanceId"]:
            arn = _arn("ec2", f"instance/{instance}")
            tags = {f"aws:resourcetag/{key.lower()}": value for key, value in account.tags_of(arn).items()}
            yield AccessRequest(action, arn, tags)
    elif service == "scheduler":
        group = given.get("GroupName") or given.get("groupName") or "default"
        yield AccessRequest(action, _arn("scheduler", f"schedule/{group}/{given['Name']}"))
        if "Target" in given:
            passed = {"iam:passedtoservice": "scheduler.amazonaws.com"}
            yield AccessRequest("iam:PassRole", given["Target"]["RoleArn"], passed)
    elif service == "ssm":
        yield from _managed(action, given, account)
    else:
        raise UnknownUsageError(action)


def _managed(action: str, given: Mapping[str, Any], account: Lookup) -> Iterator[AccessRequest]:
    if action in _PARAMETERS:
        yield AccessRequest(action, _arn("ssm", f"parameter{given[_PARAMETERS[action]].rstrip('/')}"))
    elif action == "ssm:GetAutomationExecution":
        yield AccessRequest(action, _arn("ssm", f"automation-execution/{given['AutomationExecutionId']}"))
    elif action == "ssm:StartAutomationExecution":
        yield from starting(given["DocumentName"], given.get("DocumentVersion") or "$DEFAULT", account)
    else:
        raise UnknownUsageError(action)


def starting(document: str, version: str, account: Lookup) -> Iterator[AccessRequest]:
    """Yield what it takes to start an Automation document, which then works with the role that it names."""
    yield AccessRequest("ssm:StartAutomationExecution", _arn("ssm", f"automation-definition/{document}:{version}"))
    yield AccessRequest("iam:PassRole", account.role_of(document), {"iam:passedtoservice": "ssm.amazonaws.com"})


_PARAMETERS = {"ssm:GetParameter": "Name", "ssm:PutParameter": "Name", "ssm:GetParametersByPath": "Path"}
_OBJECT = {
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "DeleteObject": "DeleteObject",
}


def _items(operation: str, given: Mapping[str, Any]) -> Iterator[AccessRequest]:
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        for item in given["TransactItems"]:
            for kind, details in item.items():
                yield AccessRequest(f"dynamodb:{_TRANSACTED.get(kind, 'GetItem')}", _table(details["TableName"]))
    elif operation in {"BatchGetItem", "BatchWriteItem"}:
        for table in given["RequestItems"]:
            yield AccessRequest(f"dynamodb:{operation}", _table(table))
    else:
        yield AccessRequest(f"dynamodb:{operation}", _table(given["TableName"]))


def _table(name: str) -> str:
    return _arn("dynamodb", f"table/{name}")


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

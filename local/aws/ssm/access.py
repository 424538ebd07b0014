"""What a call of an Automation document needs from the policies of the document's role.

moto allows everything. Source: Service Authorization Reference; a call that is not listed here is refused.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from local.aws.awslambda.functions import role_policies
from local.aws.policy import AccessRequest, Decision, decide

_LIST = {"ec2:DescribeInstances"}
_INSTANCES = {"ec2:StartInstances", "ec2:StopInstances", "ec2:ModifyInstanceAttribute"}
_SCHEDULES = {"scheduler:CreateSchedule", "scheduler:UpdateSchedule"}


class AccessDeniedError(Exception):
    """The role's policies do not allow the call; the text is AWS's."""


def check(role_arn: str, region: str, action: str, given: Mapping[str, Any]) -> None:
    """Refuse what the role may not do (`action` as in IAM, `given` the call's parameters). Raises AccessDeniedError."""
    account = role_arn.split(":")[4]
    policies = role_policies(iam_backends[account]["aws"], role_arn)
    for request in _needed(account, region, action, given):
        if decide(policies, request) is not Decision.ALLOW:
            raise AccessDeniedError(
                f"{role_arn} is not authorized to perform: {request.action} on resource: {request.resource} "
                "because no identity-based policy allows the action"
            )


def may_be_assumed(role_arn: str, region: str, execution_id: str) -> bool:
    """Whether there is such a role, and Automation may take it on for this execution."""
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    roles = iam_backends[account]["aws"].roles.values() if account else ()
    role = next((one for one in roles if one.arn == role_arn), None)
    if role is None:
        return False
    source = f"arn:aws:ssm:{region}:{account}:automation-execution/{execution_id}"
    context = {"aws:sourceaccount": account, "aws:sourcearn": source}
    request = AccessRequest("sts:AssumeRole", context=context, principal="ssm.amazonaws.com")
    return decide([json.loads(role.assume_role_policy_document)], request) is Decision.ALLOW


def _needed(account: str, region: str, action: str, given: Mapping[str, Any]) -> Iterator[AccessRequest]:
    if action in _LIST:
        yield AccessRequest(action)
    elif action in _INSTANCES:
        for instance in given.get("InstanceIds") or [given["InstanceId"]]:
            arn = f"arn:aws:ec2:{region}:{account}:instance/{instance}"
            yield AccessRequest(action, arn, _tags(account, region, instance))
    elif action in _SCHEDULES:
        name = f"{given.get('GroupName', 'default')}/{given['Name']}"
        yield AccessRequest(action, f"arn:aws:scheduler:{region}:{account}:schedule/{name}")
        passed = {"iam:passedtoservice": "scheduler.amazonaws.com"}
        yield AccessRequest("iam:PassRole", given["Target"]["RoleArn"], passed)
    else:
        raise AccessDeniedError(f"it is not known here what {action} needs")


def _tags(account: str, region: str, instance_id: str) -> dict[str, str]:
    tags = ec2_backends[account][region].describe_tags(filters={"resource-id": [instance_id]})
    return {f"aws:resourcetag/{tag['key'].lower()}": tag["value"] for tag in tags}

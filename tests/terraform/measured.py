"""What each role of the account needed, by the calls that the local AWS recorded, and what its policies allow."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import boto3
import yaml

from local.aws.policy import AccessRequest, listed, statements
from tests.terraform.stack import REGION, Stack
from tests.terraform.usage import Lookup, needed, starting, target_of

NODE_KEY = "ASIATESTINGTESTING00"
"""The access key that the node's metadata service hands out."""
NODE_ROLE = "tinyllama-gpu-node"
Uses = Mapping[str, list[AccessRequest]]


def uses(stack: Stack) -> Uses:
    """What was needed of each role, by its name, since the account's start or `Stack.forget_calls`."""
    account = lookup(stack)
    found: dict[str, list[AccessRequest]] = defaultdict(list)
    role_of = cache(lambda caller: _role_of(stack, caller))
    for call in stack.calls():
        role = role_of(call["caller"])
        if role:
            found[role] += needed(call, account)
            if target := target_of(call, account):
                found[_name(target[0])] += target[1]
    for role, request in _by_aws_itself(stack, account):
        found[role].append(request)
    return found


def lookup(stack: Stack) -> Lookup:
    """Tags and documents as the account has them."""
    ec2, ssm = stack.client("ec2"), stack.client("ssm")

    def tags_of(arn: str) -> Mapping[str, str]:
        found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [arn.rsplit("/", 1)[-1]]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def role_of(document: str) -> str:
        content = yaml.safe_load(ssm.get_document(Name=document)["Content"])
        return str(content["parameters"]["AutomationAssumeRole"]["default"])

    return Lookup(cache(tags_of), cache(role_of))


def policies(stack: Stack, role: str) -> list[dict[str, Any]]:
    """All policies of a role, inline and attached, as the account has them."""
    iam = stack.client("iam")
    found = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        found.append(version["PolicyVersion"]["Document"])
    return [json.loads(one) if isinstance(one, str) else one for one in found]


def allowed(documents: list[dict[str, Any]]) -> Iterator[str]:
    """Every action that is allowed anywhere in the documents."""
    for document in documents:
        for statement in statements(document):
            if statement["Effect"] == "Allow":
                yield from listed(statement["Action"])


def _role_of(stack: Stack, caller: str) -> str | None:
    """Return the role behind an access key: a function's is its name here, an assumed role's is known to STS."""
    if caller == NODE_KEY:
        return NODE_ROLE
    if caller.startswith("tinyllama-"):
        return caller
    if not caller.startswith("ASIA"):
        return None
    keys = {"aws_access_key_id": caller, "aws_secret_access_key": "any", "aws_session_token": "any"}
    sts = boto3.client("sts", region_name=REGION, endpoint_url=stack.aws_url, **keys)  # type: ignore[call-overload]
    arn: str = sts.get_caller_identity()["Arn"]
    return arn.split("/")[1]  # arn:aws:sts::123456789012:assumed-role/ROLE/SESSION


def _by_aws_itself(stack: Stack, account: Lookup) -> Iterator[tuple[str, AccessRequest]]:
    """What AWS calls as a role of ours when something is due; nothing of it happens here by itself."""
    events, scheduler = stack.client("events"), stack.client("scheduler")
    for rule in events.list_rules()["Rules"]:
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            if "RoleArn" in target:
                document, version = target["Arn"].rsplit("/", 1)[-1].split(":")
                for request in starting(document, version, account):
                    yield _name(target["RoleArn"]), request
    for one in scheduler.list_schedules()["Schedules"]:
        target = scheduler.get_schedule(Name=one["Name"], GroupName=one["GroupName"])["Target"]
        if ":lambda:" in target["Arn"]:
            yield _name(target["RoleArn"]), AccessRequest("lambda:InvokeFunction", target["Arn"])


def _name(role_arn: str) -> str:
    return role_arn.rsplit("/", 1)[-1]

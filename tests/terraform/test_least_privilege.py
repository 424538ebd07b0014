"""Least privilege, measured: every call is allowed by its role, and every allowed action is used by somebody.

The calls are those that functions, worker and watchdog make during a story, as the local AWS recorded them. Their
policies are read back from the account.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from local.aws.policy import AccessRequest, Decision, action_matches, decide, listed, statements
from tests.terraform.serving import Served, invoke, queue_health_from, wait_for
from tests.terraform.stack import Stack
from tests.terraform.usage import needed, target_of

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

NODE_KEY = "ASIATESTINGTESTING00"
"""The access key that the node's metadata service hands out."""
ROLES = {
    "tinyllama-router": "tinyllama-router",
    "tinyllama-queue-health": "tinyllama-queue-health",
    "tinyllama-jwks-mirror": "tinyllama-jwks-mirror",
    NODE_KEY: "tinyllama-gpu-node",
}
LEASE = "tinyllama-lease"
BY_AWS = "made by AWS itself or its agents, not by our code"
RACE = "only when two do the same at once"
RENEWAL = "only when half a lease is over, or there is none"
LEFT_BEHIND = "only for a job that nobody finished"
UNUSED = {
    ("tinyllama-gpu-node", "cloudwatch:PutMetricData"): BY_AWS,
    ("tinyllama-gpu-node", "dynamodb:ConditionCheckItem"): LEFT_BEHIND,
    ("tinyllama-gpu-node", "iam:PassRole"): RENEWAL,
    ("tinyllama-gpu-node", "s3:GetObject"): RACE,
    ("tinyllama-gpu-node", "scheduler:CreateSchedule"): RENEWAL,
    ("tinyllama-gpu-node", "scheduler:UpdateSchedule"): RENEWAL,
    ("tinyllama-gpu-node", "sqs:SendMessage"): "only when a job is handed back or buried",
    ("tinyllama-jwks-mirror", "sqs:SendMessage"): BY_AWS,
    ("tinyllama-queue-health", "elasticache:DescribeCacheClusters"): "RED-002 asks for it",
    ("tinyllama-router", "dynamodb:ConditionCheckItem"): LEFT_BEHIND,
    ("tinyllama-router", "scheduler:UpdateSchedule"): "only when the node still has a lease from before",
}
"""What a policy allows and nobody uses here, each with its reason; `AGENTS` are AWS's own."""
AGENTS = ("logs:", "xray:", "ssm:", "ssmmessages:", "ec2messages:")


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


@pytest.fixture(scope="module")
def uses(served: Served) -> dict[str, list[AccessRequest]]:
    """What each role's process needed, after a whole story: wake, answer, cancel, stop, sleep."""
    _story(served)
    stack = served.stack
    ec2 = stack.client("ec2")

    def tags_of(arn: str) -> Mapping[str, str]:
        resource = arn.rsplit("/", 1)[-1]
        found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    found: dict[str, list[AccessRequest]] = {role: [] for role in (*ROLES.values(), LEASE)}
    for call in stack.calls():
        if call["caller"] in ROLES:
            found[ROLES[call["caller"]]] += needed(call, tags_of)
            if target := target_of(call, tags_of):
                found[target[0].rsplit("/", 1)[-1]] += target[1]
    return found


def _story(served: Served) -> None:
    """Cancel a job, have one answered, stop the node; wake it again, and let the watchdog stop it."""
    cancelled = _ask(served)
    _until(served, 202, "DELETE", f"/jobs/{cancelled}")
    _until(served, 200, "GET", "/health")
    _answered(served, _ask(served, idle=30))  # or else the watchdog might be faster
    _until(served, 202, "POST", "/stop")
    _asleep(served)
    _answered(served, _ask(served))
    _asleep(served)
    invoke(served.stack, "tinyllama-jwks-mirror", {})
    assert invoke(served.stack, "tinyllama-queue-health", queue_health_from("10.20.1.7"))["statusCode"] == 200


def _ask(served: Served, idle: int = 1) -> str:
    body = {"prompt": "What is a lease?", "idle": idle}
    return str(_until(served, 202, "POST", "/infer", json=body).json()["id"])


def _answered(served: Served, job: str) -> None:
    wait_for(lambda: served.call("GET", f"/jobs/{job}").json().get("status") == "done", "a reply", pause_s=1)


def _asleep(served: Served) -> None:
    wait_for(lambda: served.node_state() == "stopped", "a stopped node")


def _until(served: Served, status: int, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask again until the answer has this status: somebody who asks so often is told 429 now and then."""
    answers: list[httpx.Response] = []

    def ask() -> bool:
        answers.append(served.call(method, path, **more))
        return answers[-1].status_code == status

    wait_for(ask, f"{status} for {method} {path}", pause_s=1)
    return answers[-1]


@pytest.mark.parametrize("role", [*ROLES.values(), LEASE])
def test_every_call_is_allowed_by_its_role(stack: Stack, uses: dict[str, list[AccessRequest]], role: str) -> None:
    documents = policies(stack, role)
    assert uses[role], "nothing was measured"
    refused = {one.action: one for one in uses[role] if decide(documents, one) is not Decision.ALLOW}
    assert refused == {}


@pytest.mark.parametrize("role", [*ROLES.values(), LEASE])
def test_nothing_is_allowed_that_nobody_uses(stack: Stack, uses: dict[str, list[AccessRequest]], role: str) -> None:
    used = {one.action for one in uses[role]}
    idle = {
        pattern
        for pattern in _allowed(policies(stack, role))
        if not any(action_matches(pattern, action) for action in used) and not pattern.startswith(AGENTS)
    }
    assert idle - {action for name, action in UNUSED if name == role} == set()


@pytest.mark.parametrize("role", [*ROLES.values(), LEASE])
def test_the_exceptions_are_still_exceptions(stack: Stack, uses: dict[str, list[AccessRequest]], role: str) -> None:
    allowed = set(_allowed(policies(stack, role)))
    assert {action for name, action in UNUSED if name == role} - allowed == set()


@pytest.mark.parametrize("role", [*ROLES.values(), LEASE])
def test_no_action_is_a_wildcard_and_a_call_on_someone_elses_node_is_refused(stack: Stack, role: str) -> None:
    documents = policies(stack, role)
    assert [action for action in _allowed(documents) if "*" in action] == []
    foreign = {"aws:resourcetag/project": "other", "aws:resourcetag/role": "gpu-node"}
    instance = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0"
    for action in ("ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"):
        assert decide(documents, AccessRequest(action, instance, foreign)) is not Decision.ALLOW


def _allowed(documents: list[dict[str, Any]]) -> Iterator[str]:
    for document in documents:
        for statement in statements(document):
            if statement["Effect"] == "Allow":
                yield from listed(statement["Action"])

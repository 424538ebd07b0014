"""Least privilege, measured: every call is allowed by its role, and every allowed action is used by somebody.

The calls are those that functions, worker, watchdog and Automation documents make during a story, as the local AWS
recorded them. Their policies are read back from the account.
"""

import json
from typing import Any

import httpx
import pytest

from local.aws.policy import AccessRequest, Decision, action_matches, decide
from tests.terraform.measured import NODE_ROLE, Uses, allowed, policies, uses
from tests.terraform.serving import Served, api_event, invoke, queue_health_from, wait_for
from tests.terraform.stack import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

ROLES = [
    "tinyllama-router",
    "tinyllama-queue-health",
    "tinyllama-jwks-mirror",
    "tinyllama-resize",
    "tinyllama-resize-document",
    "tinyllama-stop-builder",
    "tinyllama-scheduler",
    "tinyllama-lease",
    NODE_ROLE,
]
UNMEASURED = {
    "tinyllama-builder": "nothing of ours runs there yet: what TL-SAM-Build calls comes with CI-002's workflow",
    "tinyllama-config": "what AWS Config calls by itself, and nothing records here",
}
BY_AWS = "made by AWS itself or its agents, not by our code"
RACE = "only when two do the same at once"
RENEWAL = "only when half a lease is over, or there is none"
LEFT_BEHIND = "only for a job that nobody finished"
UNUSED = {
    (NODE_ROLE, "cloudwatch:PutMetricData"): BY_AWS,
    (NODE_ROLE, "dynamodb:ConditionCheckItem"): LEFT_BEHIND,
    (NODE_ROLE, "iam:PassRole"): RENEWAL,
    (NODE_ROLE, "s3:GetObject"): RACE,
    (NODE_ROLE, "scheduler:CreateSchedule"): RENEWAL,
    (NODE_ROLE, "scheduler:UpdateSchedule"): RENEWAL,
    (NODE_ROLE, "sqs:SendMessage"): "only when a job is handed back or buried",
    (NODE_ROLE, "ssm:UpdateInstanceInformation"): BY_AWS,
    ("tinyllama-jwks-mirror", "sqs:SendMessage"): BY_AWS,
    ("tinyllama-queue-health", "elasticache:DescribeCacheClusters"): "RED-002 asks for it",
    ("tinyllama-router", "dynamodb:ConditionCheckItem"): LEFT_BEHIND,
    ("tinyllama-router", "scheduler:UpdateSchedule"): "only when the node still has a lease from before",
}
"""What a policy allows and nobody uses here, each with its reason; `AGENTS` are AWS's own."""
AGENTS = ("logs:", "xray:", "ssmmessages:", "ec2messages:")


@pytest.fixture(scope="module")
def found(served: Served) -> Uses:
    """What each role's process needed, after a whole story: wake, answer, cancel, stop, sleep, resize, build."""
    served.stack.plan(enable_builder=True)
    served.stack.apply_plan()
    _story(served)
    _builder_stopped(served.stack)
    return uses(served.stack)


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
    _resized(served)


def _resized(served: Served) -> None:
    """What an admin may ask for, from `POST /resize` to the end of the document's last step."""
    for asked in ({"action": "resize", "target": "t3.medium"}, {"action": "start"}, {"action": "stop"}):
        accepted = invoke(served.stack, "tinyllama-resize", api_event("POST", "/resize", served.token, asked))
        assert accepted["statusCode"] == 202, accepted["body"]
        follow = api_event("GET", f"/resize/{json.loads(accepted['body'])['operationId']}", served.token)

        def ended(event: dict[str, Any] = follow) -> bool:
            return bool(json.loads(invoke(served.stack, "tinyllama-resize", event)["body"])["status"] != "running")

        wait_for(ended, f"the end of {asked}", pause_s=0.5)
        last = json.loads(invoke(served.stack, "tinyllama-resize", follow)["body"])
        assert last["status"] == "succeeded", last


def _builder_stopped(stack: Stack) -> None:
    """What EventBridge does half an hour after the builder has started, without the half hour."""
    ssm, builder = stack.client("ssm"), stack.output()["builder_instance_id"]
    given = {"InstanceId": [builder], "Wait": ["PT1S"]}
    started = ssm.start_automation_execution(DocumentName="TL-StopBuilder", Parameters=given)

    def ended() -> bool:
        found = ssm.get_automation_execution(AutomationExecutionId=started["AutomationExecutionId"])
        status: str = found["AutomationExecution"]["AutomationExecutionStatus"]
        assert status in {"Pending", "InProgress", "Success"}, found["AutomationExecution"]
        return status == "Success"

    wait_for(ended, "the builder's stop", pause_s=0.5)


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


def test_every_role_of_the_account_is_measured_or_has_a_reason(stack: Stack, found: Uses) -> None:
    roles = {role["RoleName"] for role in stack.client("iam").list_roles()["Roles"]}
    assert roles == {*ROLES, *UNMEASURED}


@pytest.mark.parametrize("role", ROLES)
def test_every_call_is_allowed_by_its_role(stack: Stack, found: Uses, role: str) -> None:
    documents = policies(stack, role)
    assert found[role], "nothing was measured"
    refused = {one.action: one for one in found[role] if decide(documents, one) is not Decision.ALLOW}
    assert refused == {}


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_allowed_that_nobody_uses(stack: Stack, found: Uses, role: str) -> None:
    used = {one.action for one in found[role]}
    idle = {
        pattern
        for pattern in allowed(policies(stack, role))
        if not any(action_matches(pattern, action) for action in used) and not pattern.startswith(AGENTS)
    }
    assert idle - {action for name, action in UNUSED if name == role} == set()


@pytest.mark.parametrize("role", ROLES)
def test_the_exceptions_are_still_exceptions(stack: Stack, found: Uses, role: str) -> None:
    assert {action for name, action in UNUSED if name == role} - set(allowed(policies(stack, role))) == set()


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_wildcard_and_a_call_on_someone_elses_node_is_refused(stack: Stack, role: str) -> None:
    documents = policies(stack, role)
    assert [action for action in allowed(documents) if "*" in action] == []
    foreign = {"aws:resourcetag/project": "other", "aws:resourcetag/role": "gpu-node"}
    instance = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0"
    for action in ("ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"):
        assert decide(documents, AccessRequest(action, instance, foreign)) is not Decision.ALLOW

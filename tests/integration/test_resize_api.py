"""The admin API on the strict local AWS: the real function starts the real document, which changes the real node."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.resize import handler, wiring
from local.aws.account import Account
from local.aws.seed import seed
from local.aws.server import StrictAws
from tests.tokens import AUDIENCE, ISSUER, key_set, token


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws(boot_s=0.1, stop_s=0.1) as running:
        yield running


@pytest.fixture
def account(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """The account, and the function wired to it as in a fresh container."""
    found = seed(aws.url)
    settings = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": found.region,
        "COGNITO_AUD": AUDIENCE,
        "COGNITO_ISSUER": ISSUER,
        "LEASE_ROLE_ARN": found.lease_role_arn,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "http_keys", lambda _url: key_set)
    aws.clear()
    _forget()
    yield found
    _forget()


def _forget() -> None:
    for cached in (wiring.settings, wiring.adapters, wiring._nodes, wiring._automation):
        cached.cache_clear()


def call(body: Any = None, path: str = "/resize") -> tuple[int, Any]:
    http = {"method": "POST" if path == "/resize" else "GET", "path": path, "sourceIp": "203.0.113.9"}
    event = {
        "rawPath": path,
        "headers": {"authorization": f"Bearer {token(groups=['admins'])}"},
        "requestContext": {"requestId": "r", "http": http},
        "body": json.dumps(body),
    }
    answer = handler.lambda_handler(event)
    return answer["statusCode"], json.loads(answer["body"])


def followed(operation: str) -> Any:
    for _ in range(400):
        status, body = call(path=f"/resize/{operation}")
        assert status == 200
        if body["status"] != "running":
            return body
        time.sleep(0.02)
    pytest.fail("the operation never ended")


def test_a_resize_to_a_gpu_and_back_ends_with_the_type_that_was_asked_for(aws: StrictAws, account: Account) -> None:
    ec2 = aws.client("ec2")
    for asked, expected in (
        ({"action": "start"}, ("t3.small", "running")),
        ({"action": "resize", "target": "g4dn.xlarge"}, ("g4dn.xlarge", "running")),
        ({"action": "resize", "target": "t3.small"}, ("t3.small", "running")),
        ({"action": "stop"}, ("t3.small", "stopped")),
    ):
        status, body = call(asked)
        assert (status, body["status"]) == (202, "accepted")
        ended = followed(body["operationId"])
        assert (ended["status"], ended["action"]) == ("succeeded", asked["action"])
        found = ec2.describe_instances(InstanceIds=[account.instance_id])["Reservations"][0]["Instances"][0]
        assert (found["InstanceType"], found["State"]["Name"]) == expected


def test_without_capacity_the_answer_names_the_step_the_code_and_that_all_is_put_back(
    aws: StrictAws, account: Account
) -> None:
    followed(call({"action": "start"})[1]["operationId"])
    aws.fail("ec2:StartInstances", "InsufficientInstanceCapacity", match={"InstanceType": "g4dn.xlarge"})
    ended = followed(call({"action": "resize", "target": "g4dn.xlarge"})[1]["operationId"])
    assert (ended["status"], ended["restored"]) == ("failed", True)
    assert ended["error"].startswith("start: InsufficientInstanceCapacity. AWS has no g4dn.xlarge to spare")


def test_the_function_starts_nothing_but_the_document(aws: StrictAws, account: Account) -> None:
    followed(call({"action": "start"})[1]["operationId"])
    records = [one for service in ("ec2", "ssm", "scheduler", "iam") for one in aws.calls(service)]
    own = {f"{one['service']}:{one['operation']}" for one in records if one["caller"] == "testing"}
    assert own == {
        "ec2:DescribeInstances",
        "ssm:DescribeAutomationExecutions",
        "ssm:StartAutomationExecution",
        "ssm:GetAutomationExecution",
    }


def test_a_second_request_is_refused_while_the_first_is_at_work(aws: StrictAws, account: Account) -> None:
    aws.settings(boot_s=600)
    _, first = call({"action": "start"})
    assert call({"action": "stop"}) == (409, {"error": "resize_running", "operationId": first["operationId"]})


def test_of_many_requests_at_once_one_execution_comes(aws: StrictAws, account: Account) -> None:
    aws.settings(boot_s=600)
    assert call(path="/resize/none")[0] == 404  # clients and keys are made: from here on only the requests compete
    with ThreadPoolExecutor(6) as admins:
        answers = list(admins.map(lambda _: call({"action": "start"}), range(6)))
    assert {status for status, _ in answers} <= {202, 409}
    accepted = {body["operationId"] for status, body in answers if status == 202}
    listed = aws.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"]
    assert {one["AutomationExecutionId"] for one in listed} == accepted
    assert len(accepted) == 1


def test_an_execution_of_another_document_is_not_shown(aws: StrictAws, account: Account) -> None:
    ssm = aws.client("ssm")
    text = ssm.get_document(Name="TL-ResizeInstance")["Content"]
    ssm.create_document(Name="TL-ResizeInstance2", DocumentType="Automation", DocumentFormat="YAML", Content=text)
    given = {"InstanceId": [account.instance_id], "Action": ["stop"]}
    other = ssm.start_automation_execution(DocumentName="TL-ResizeInstance2", Parameters=given)
    assert call(path=f"/resize/{other['AutomationExecutionId']}") == (404, {"error": "not_found"})
    assert call({"action": "start"})[0] == 202, "and it does not count as ours at work"


def test_an_aws_that_fails_once_is_asked_again(aws: StrictAws, account: Account) -> None:
    aws.fail("ssm:StartAutomationExecution", "InternalServerError", status=500)
    assert call({"action": "start"})[0] == 202


def test_an_answer_that_comes_too_late_starts_no_second_execution(
    aws: StrictAws, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "_AWS_TIMEOUT_S", 1.0)
    aws.fail("ssm:StartAutomationExecution", delay_s=2.0)
    status, body = call({"action": "start"})
    assert status == 202
    for _ in range(200):  # until the one that was given up has been accepted as well
        if len(aws.calls("ssm", "StartAutomationExecution")) == 2:
            break
        time.sleep(0.02)
    assert [one["status"] for one in aws.calls("ssm", "StartAutomationExecution")] == [200, 200]
    listed = aws.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"]
    assert [one["AutomationExecutionId"] for one in listed] == [body["operationId"]]


def test_what_aws_refuses_is_said_and_nothing_is_left_running(aws: StrictAws, account: Account) -> None:
    aws.fail("ssm:StartAutomationExecution", "AutomationExecutionLimitExceededException", times=None)
    status, body = call({"action": "start"})
    assert (status, body["error"]) == (503, "resize_failed")
    assert body["detail"].startswith("AutomationExecutionLimitExceededException: ")
    aws.client("ssm").delete_document(Name="TL-ResizeInstance")
    aws.clear()
    assert call({"action": "start"})[1]["detail"].startswith("AutomationDefinitionNotFoundException: ")


def test_the_lease_that_is_granted_lasts_an_hour(aws: StrictAws, account: Account) -> None:
    followed(call({"action": "start"})[1]["operationId"])
    lease = aws.client("scheduler").get_schedule(Name=f"tinyllama-lease-{account.instance_id}")
    until = datetime.strptime(lease["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert 3_500 < until.timestamp() - time.time() <= 3_600

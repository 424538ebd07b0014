"""The router and the queue's health on SQS and DynamoDB that are not there, refuse, or go away in the middle."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.queue_health import handler as health
from lambdas.queue_health.settings import QueueHealthSettings
from lambdas.router import wiring
from lambdas.router.settings import RouterSettings
from local.aws.queue import create_queue
from local.aws.server import REGION, StrictAws
from tests.integration.test_router_redis import AWAY, JOB, REQUESTS, call
from tests.tokens import AUDIENCE, ISSUER, key_set
from tinyllama.domain.errors import SettingsError
from worker.settings import WatchdogSettings


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictAws]:
    """A local AWS with the queue, and functions wired to it as in a fresh container."""
    with StrictAws() as running:
        url, table = create_queue(running.client("sqs"), running.client("dynamodb"))
        settings = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL": running.url,
            "AWS_REGION": REGION,
            "ALLOWED_CIDRS": "127.0.0.0/8",
            "COGNITO_AUD": AUDIENCE,
            "COGNITO_ISSUER": ISSUER,
            "LEASE_ROLE_ARN": "arn:aws:iam::123456789012:role/tinyllama-lease",
            "QUEUE_TABLE": table,
            "QUEUE_URL": url,
            "REPLY_BUCKET": "replies",
            "TL_QUEUE": "sqs",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(wiring, "http_keys", lambda _url: key_set)
        running.clear()
        _forget()
        yield running
        _forget()


def _forget() -> None:
    for cached in (wiring.settings, wiring.adapters, health.settings, health.probe):
        cached.cache_clear()


def fail(aws: StrictAws, code: str = "InternalError", status: int = 500) -> None:
    operations = ("TransactWriteItems", "UpdateItem", "GetItem", "BatchGetItem")
    for operation in operations:
        aws.fail(f"dynamodb:{operation}", code, times=None, status=status)


def test_a_dynamodb_that_is_away_is_said_and_found_when_it_comes_back(aws: StrictAws) -> None:
    fail(aws)
    assert [call(*request) for request in REQUESTS] == [AWAY] * len(REQUESTS)
    aws.clear()
    assert call("GET", JOB) == (404, {"error": "not_found"})


def test_an_sqs_that_is_away_takes_no_job_and_leaves_none_behind(aws: StrictAws) -> None:
    aws.fail("sqs:SendMessage", "ServiceUnavailable", times=None, status=503)
    assert call(*REQUESTS[0]) == AWAY
    assert wiring.adapters().queue.snapshot().depth == 0


def test_a_refused_credential_is_an_unavailable_queue_and_no_internal_error(
    aws: StrictAws, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(aws, "AccessDeniedException", 400)
    assert call(*REQUESTS[0]) == AWAY
    assert "AccessDeniedException" in capsys.readouterr().out


def test_nothing_that_listens_is_an_unavailable_queue(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert call(*REQUESTS[0]) == AWAY


def test_while_the_queue_is_away_each_container_throttles_by_itself(aws: StrictAws) -> None:
    fail(aws)
    codes = [call(*REQUESTS[0])[0] for _ in range(7)]
    assert codes == [503] * 5 + [429] * 2


def test_a_prompt_costs_one_transaction_and_one_message_and_a_look_two_calls(aws: StrictAws) -> None:
    out = wiring.adapters().queue
    call("GET", JOB)  # so that this container knows the bucket
    aws.clear()
    call("GET", JOB)
    assert [record["operation"] for record in aws.calls("dynamodb")] == ["UpdateItem", "BatchGetItem"]
    aws.clear()
    call(*REQUESTS[0])
    # A second transaction, since no worker was ready to take it; then the node could not be started.
    assert [record["operation"] for record in aws.calls("dynamodb")] == ["TransactWriteItems"] * 3
    assert [record["operation"] for record in aws.calls("sqs")] == ["SendMessage"]
    assert out.snapshot().depth == 0


def look(source: str = "127.0.0.1") -> tuple[int, dict[str, Any]]:
    http = {"method": "GET", "path": "/queue-health", "sourceIp": source}
    event = {"rawPath": "/queue-health", "headers": {}, "requestContext": {"requestId": "r", "http": http}}
    answer = health.lambda_handler(event)
    return answer["statusCode"], json.loads(answer["body"])


def test_queue_health_says_which_queue_it_is_and_how_it_is(aws: StrictAws, capsys: pytest.CaptureFixture[str]) -> None:
    code, body = look()
    assert (code, body["sqs"]) == (200, "ok")
    assert 0 < body["latencyMs"] < 200
    assert "about 0 messages wait" in json.loads(capsys.readouterr().out)["doctor"]
    aws.fail("sqs:GetQueueAttributes", "ServiceUnavailable", times=None, status=503)
    code, body = look()
    assert (code, body["sqs"]) == (503, "fail")
    assert "ServiceUnavailable" in body["error"]


@pytest.mark.parametrize("settings", [RouterSettings, QueueHealthSettings, WatchdogSettings])
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"TL_QUEUE": "kafka"}, "TL_QUEUE: Input should be 'redis' or 'sqs'"),
        ({"TL_QUEUE": "redis"}, "REDIS_HOST: required while TL_QUEUE is redis"),
        ({}, "REDIS_HOST: required while TL_QUEUE is redis"),
        ({"TL_QUEUE": "sqs"}, "QUEUE_URL, QUEUE_TABLE, AWS_REGION: required while TL_QUEUE is sqs"),
        ({"TL_QUEUE": "sqs", "QUEUE_URL": "tinyllama-jobs"}, "QUEUE_URL: String should match pattern"),
    ],
)
def test_a_process_without_its_queue_s_address_stops_and_names_it(
    settings: Any, given: dict[str, str], named: str
) -> None:
    others = {
        "COGNITO_ISSUER": ISSUER,
        "COGNITO_AUD": AUDIENCE,
        "REPLY_BUCKET": "replies",
        "LEASE_ROLE_ARN": "arn:aws:iam::123456789012:role/tinyllama-lease",
    }
    with pytest.raises(SettingsError) as refused:
        settings.from_env({**others, **given})
    assert named in str(refused.value)

"""The router on a real Redis that is not there, goes away, or takes its time."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.router import handler, wiring
from local.redis_server import RedisServer
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tinyllama.adapters import key_set as pool


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis of its own, and a router wired to it as in a fresh container."""
    with RedisServer() as server:
        monkeypatch.setenv("COGNITO_ISSUER", ISSUER)
        monkeypatch.setenv("COGNITO_AUD", AUDIENCE)
        monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
        monkeypatch.setenv("REDIS_PORT", str(server.port))
        monkeypatch.setenv("REPLY_BUCKET", "replies")
        monkeypatch.setenv("LEASE_ROLE_ARN", "arn:aws:iam::123456789012:role/tinyllama-lease")
        monkeypatch.setattr(wiring, "http_keys", lambda _url: key_set)
        wiring.settings.cache_clear()
        wiring.adapters.cache_clear()
        yield server
        wiring.settings.cache_clear()
        wiring.adapters.cache_clear()


def call(method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    event = {
        "rawPath": path,
        "headers": {"authorization": f"Bearer {token()}"},
        "requestContext": {"requestId": "r", "http": {"method": method}},
        "body": json.dumps(body),
    }
    answer = handler.lambda_handler(event)
    return answer["statusCode"], json.loads(answer["body"])


JOB = "/jobs/00000000-0000-4000-8000-000000000000"
REQUESTS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/infer", {"prompt": "x", "idle": 5}),
    ("POST", "/infer", {"prompt": "", "idle": 5}),
    ("GET", "/health", None),
    ("POST", "/stop", None),
    ("GET", JOB, None),
    ("DELETE", JOB, None),
]
AWAY = (503, {"error": "queue_unavailable"})


def test_a_redis_that_is_down_at_the_start_is_said_and_found_when_it_comes(redis: RedisServer) -> None:
    redis.kill()
    assert [call(*request) for request in REQUESTS] == [AWAY] * len(REQUESTS)
    redis.restart()
    assert call("GET", JOB) == (404, {"error": "not_found"})


def test_a_redis_that_dies_in_the_middle_is_said(redis: RedisServer) -> None:
    assert call("GET", JOB) == (404, {"error": "not_found"})
    redis.kill()
    assert [call(*request) for request in REQUESTS] == [AWAY] * len(REQUESTS)


def test_a_redis_that_hangs_is_given_fifty_milliseconds(redis: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("GET", JOB) == (404, {"error": "not_found"})
    redis.pause()
    capsys.readouterr()
    assert call(*REQUESTS[0]) == AWAY
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 45 <= record["latencyMs"] < 1_000, "one try, no retries"
    assert record["RedisEnqueueFail"] == 1
    redis.resume()
    assert call("GET", JOB) == (404, {"error": "not_found"})


def test_a_container_without_its_settings_says_which_are_missing(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REPLY_BUCKET")
    monkeypatch.setenv("REDIS_PORT", "none")
    assert call(*REQUESTS[0]) == (500, {"error": "internal"})
    out = capsys.readouterr().out
    assert "REPLY_BUCKET" in out
    assert "REDIS_PORT" in out


def test_the_key_set_is_read_from_the_issuer_unless_told_otherwise() -> None:
    with pytest.raises(ValueError, match="https://"):
        pool.http_keys("file:///etc/passwd")

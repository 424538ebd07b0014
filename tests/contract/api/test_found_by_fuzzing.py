"""What fuzzing once found, each as a test of its own."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.router import handler, wiring
from tinyllama.domain.errors import ApiError
from tinyllama.domain.requests import parse_infer


@pytest.mark.parametrize(("number", "idle"), [("5", 5), ("5.0", 5), ("3e1", 30), ("30.0", 30)])
def test_an_integer_may_be_written_as_json_likes(number: str, idle: int) -> None:
    assert parse_infer(f'{{"prompt": "x", "idle": {number}}}').idle == idle


@pytest.mark.parametrize("number", ["5.5", "true", '"5"', "null", "[5]", "1e300", "1e999", "-0.0", "31.0"])
def test_what_is_no_integer_in_range_is_refused(number: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_infer(f'{{"prompt": "x", "idle": {number}}}')
    assert [bad["field"] for bad in caught.value.body["fields"]] == ["idle"]


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> None:
    # All that is looked at before a token is.
    monkeypatch.setattr(wiring, "settings", lambda: SimpleNamespace(tl_disable_lam_router=False))


def call(method: str, path: str) -> Mapping[str, Any]:
    http = {"method": method, "path": path, "sourceIp": "203.0.113.9", "userAgent": "test"}
    return handler.lambda_handler(
        {"rawPath": path, "headers": {}, "requestContext": {"requestId": "request-1", "http": http}}
    )


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/infer", "OPTIONS, POST"),
        ("TRACE", "/health", "GET, OPTIONS"),
        ("POST", "/jobs/1", "DELETE, GET, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(router: None, method: str, path: str, allow: str) -> None:
    answer = call(method, path)
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, allow)
    assert json.loads(answer["body"]) == {"error": "method_not_allowed"}


def test_an_unknown_path_does_not_reach_the_log(router: None, capsys: pytest.CaptureFixture[str]) -> None:
    """A careless client puts a token there."""
    assert call("GET", "/infer/eyJhbGciOi")["statusCode"] == 404
    record = json.loads(capsys.readouterr().out)
    assert record["route"] == "GET $default"
    assert "eyJ" not in json.dumps(record)

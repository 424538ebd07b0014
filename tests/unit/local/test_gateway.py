"""The gateway as an HTTP client meets it, with stand-ins for the functions."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local import gateway_app as gateway
from local.gateway_app import Gateway
from local.gateway_event import Route

ROUTES = [
    Route("POST", "/infer", "function"),
    Route("GET", "/health", "function"),
    Route("GET", "/jobs/{id}", "function"),
]
Function = Callable[[dict[str, Any], object], Any]


def echo(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}


def client(function: Function = echo) -> httpx.AsyncClient:
    app: Any = Gateway(ROUTES, {"function": function})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test")


async def test_a_request_reaches_the_function_and_its_answer_the_client() -> None:
    async with client() as http:
        answer = await http.post("/infer?a=1", json={"prompt": "Hi"})

    event = answer.json()
    assert answer.status_code == 200
    assert event["body"] == '{"prompt":"Hi"}'
    assert event["queryStringParameters"] == {"a": "1"}
    assert event["requestContext"]["requestId"] == answer.headers["x-request-id"]


async def test_an_encoded_path_arrives_decoded() -> None:
    async with client() as http:
        event = (await http.get("/jobs/caf%C3%A9%20%E2%98%95")).json()

    assert event["rawPath"] == "/jobs/café ☕"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PUT", "/infer"), ("GET", "/")])
async def test_an_unknown_route_is_not_found(method: str, path: str) -> None:
    async with client() as http:
        answer = await http.request(method, path)

    assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})
    assert answer.headers["x-request-id"]


def _raise(_event: dict[str, Any], _context: object) -> Any:
    raise RuntimeError("the secret reason")


@pytest.mark.parametrize("function", [_raise, lambda *_: {"statusCode": 200, "body": object()}, lambda *_: None])
async def test_a_function_that_fails_is_an_internal_error_without_details(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    async with client(function) as http:
        answer = await http.get("/health")

    assert (answer.status_code, answer.json()) == (500, {"error": "internal"})
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "Traceback" in logged[0]["message"]
    assert {line["requestId"] for line in logged} == {answer.headers["x-request-id"]}


async def test_a_function_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(Gateway, "_invoke", never)
    async with client() as http:
        answer = await http.get("/health")

    assert (answer.status_code, answer.json()) == (500, {"error": "internal"})


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_quota_is_refused(announced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "PAYLOAD_MAX_BYTES", 10)

    async def chunks() -> Any:
        yield b"12345"
        yield b"678901"

    async with client() as http:
        answer = await http.post("/infer", content=b"12345678901" if announced else chunks())

    assert (answer.status_code, answer.json()) == (413, {"error": "payload_too_large"})


async def test_the_access_log_names_the_request_but_neither_token_nor_prompt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    headers = {"authorization": "Bearer tokentokentoken", "user-agent": "agent/1"}
    async with client() as http:
        answer = await http.post("/infer?token=tokentokentoken", json={"prompt": "promptprompt"}, headers=headers)

    text = capsys.readouterr().out
    record = json.loads(text)
    assert record.pop("latencyMs") >= 0
    assert record == {
        "log": "access",
        "requestId": answer.headers["x-request-id"],
        "ip": "127.0.0.1",
        "route": "POST /infer",
        "status": 200,
        "userAgent": "agent/1",
    }
    assert "token" not in text
    assert "prompt" not in text

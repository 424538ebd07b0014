"""Which pages may ask (API-004, design §4.3), and what the access record says of those that may not."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.router import handler, wiring

OURS = [
    "http://localhost",
    "http://localhost:1",
    "http://localhost:3000",
    "http://localhost:65535",
    "capacitor://",
    "capacitor://localhost",
    "capacitor://localhost:8100",
    "capacitor://app.example.com",
    "capacitor://[::1]:80",
]
NOT_OURS = [
    "",
    "null",
    "*",
    "file://",
    "https://localhost",
    "https://localhost:3000",
    "http://127.0.0.1:3000",
    "http://[::1]:3000",
    "http://localhost:",
    "http://localhost/",
    "http://localhost:3000/",
    "http://localhost:http",
    "http://localhost:123456",
    "http://localhost:²³",
    "http://localhost:٣٠٠٠",
    "http://localhost:-1",
    "http://localhost.",
    "http://localhost.evil.com",
    "http://localhost-evil.com",
    "http://localhost:80@evil.com",
    "http://localhost@evil.com",
    "http://user@localhost",
    "http://evil.com",
    "http://evil.com?http://localhost",
    "http://evil.com#http://localhost",
    "http://notlocalhost",
    "HTTP://LOCALHOST",
    " http://localhost",
    "http://localhost ",
    "http://localhost\n",
    "http://localhost\r\nset-cookie: a=b",
    "http://localhost,http://localhost",
    "http://localhost,http://evil.com",
    "capacitor:",
    "capacitor:/app",
    "Capacitor://app",
    "xcapacitor://app",
    "ionic://localhost",
    "capacitor://app\r\nset-cookie: a=b",
    "capacitor://app ",
    "capacitor://äpp",
    "capacitor://app,http://evil.com",
]


@pytest.fixture(autouse=True)
def router(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is looked at of a request without a token."""
    monkeypatch.setattr(wiring, "settings", lambda: SimpleNamespace(tl_disable_lam_router=False))
    monkeypatch.setattr(wiring, "adapters", lambda: pytest.fail("nobody who is refused costs us more than that"))


def call(method: str, path: str = "/nothing", **headers: str) -> dict[str, Any]:
    http = {"method": method, "path": path, "sourceIp": "203.0.113.9", "userAgent": "test"}
    return handler.lambda_handler(
        {"rawPath": path, "headers": headers, "requestContext": {"requestId": "request-1", "http": http}}
    )


@pytest.mark.parametrize("origin", OURS)
def test_a_page_of_ours_is_answered_and_told_that_it_may_read_the_answer(origin: str) -> None:
    preflight, asked = call("OPTIONS", "/infer", origin=origin), call("GET", origin=origin)
    assert (preflight["statusCode"], asked["statusCode"]) == (204, 404)
    for answer in (preflight, asked):
        assert answer["headers"]["access-control-allow-origin"] == origin
        assert answer["headers"]["vary"] == "origin"


@pytest.mark.parametrize("origin", NOT_OURS)
def test_any_other_page_is_refused_and_told_nothing(origin: str) -> None:
    for method in ("OPTIONS", "GET", "POST", "PUT"):
        answer = call(method, "/infer", origin=origin)
        assert (answer["statusCode"], json.loads(answer["body"])) == (403, {"error": "origin_not_allowed"})
        assert not [name for name in answer["headers"] if name.startswith("access-control")]


def test_without_an_origin_it_is_no_browser_and_gets_no_cors_headers() -> None:
    assert call("GET")["statusCode"] == 404
    answer = call("OPTIONS", "/infer")
    assert answer["statusCode"] == 204
    assert "access-control-allow-origin" not in answer["headers"]


def test_a_preflight_names_the_methods_and_headers_of_the_contract() -> None:
    headers = call("OPTIONS", "/infer", origin="http://localhost:3000")["headers"]
    assert set(headers["access-control-allow-methods"].split(", ")) == {"POST", "GET", "DELETE", "OPTIONS"}
    assert set(headers["access-control-allow-headers"].split(", ")) == {"Authorization", "Content-Type"}


def test_the_record_of_a_refused_page_has_its_origin_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    """API-004, 4: `origin":"evil.com"` and `status":403`."""
    call("OPTIONS", "/infer", origin="evil.com")
    record = json.loads(capsys.readouterr().out)
    assert (record["origin"], record["status"], record["route"]) == ("evil.com", 403, "OPTIONS /infer")
    call("OPTIONS", "/infer", origin="x" * 5_000)
    assert len(json.loads(capsys.readouterr().out)["origin"]) == 256

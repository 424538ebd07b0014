"""What a Lambda function sees of an HTTP request, and what a client sees of a function's answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from local.gateway_event import Incoming, Outgoing, RouteTable
from local.gateway_routes import routes

AT = datetime(2026, 3, 12, 19, 3, 58, 390_000, tzinfo=UTC)
TABLE = RouteTable(routes())


def event(method: str, path: str, *headers: tuple[str, str], query: str = "", body: bytes = b"") -> dict[str, Any]:
    request = Incoming(
        id="JKJaXmPLvHcESHA=",
        at=AT,
        method=method,
        path=path,
        query=query,
        protocol="HTTP/1.1",
        headers=(("host", "127.0.0.1:8787"), ("user-agent", "agent/1"), *headers),
        source_ip="127.0.0.1",
        body=body,
    )
    found = TABLE.match(method, path)
    assert found is not None
    return request.to_event(*found)


def test_a_prompt_arrives_as_api_gateway_documents_it() -> None:
    found = event("POST", "/infer", ("content-type", "application/json"), body=b'{"prompt":"Gr\xc3\xbc\xc3\x9fe"}')

    assert found == {
        "version": "2.0",
        "routeKey": "POST /infer",
        "rawPath": "/infer",
        "rawQueryString": "",
        "headers": {"host": "127.0.0.1:8787", "user-agent": "agent/1", "content-type": "application/json"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "tinyllama",
            "domainName": "127.0.0.1:8787",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "/infer",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "agent/1",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /infer",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238390,
        },
        "body": '{"prompt":"Grüße"}',
        "isBase64Encoded": False,
    }


def test_headers_and_parameters_that_come_twice_are_joined_by_commas() -> None:
    found = event("GET", "/health", ("x-a", "1"), ("x-b", "2"), ("x-a", "3"), query="n=1&m=&n=a%2Cb")

    assert found["headers"] == {"host": "127.0.0.1:8787", "user-agent": "agent/1", "x-a": "1,3", "x-b": "2"}
    assert found["rawQueryString"] == "n=1&m=&n=a%2Cb"
    assert found["queryStringParameters"] == {"n": "1,a,b", "m": ""}


def test_cookies_stand_apart_from_the_headers() -> None:
    found = event("GET", "/health", ("cookie", "a=1; b=2"), ("cookie", "c=3"))

    assert found["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in found["headers"]


def test_a_path_parameter_is_decoded_and_a_missing_one_is_left_out() -> None:
    found = event("GET", "/jobs/café ☕")

    assert found["rawPath"] == found["requestContext"]["http"]["path"] == "/jobs/café ☕"
    assert found["pathParameters"] == {"id": "café ☕"}
    assert "pathParameters" not in event("GET", "/health")


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b"\xff\xfe", "//4="),
        ("application/octet-stream", b"text", "dGV4dA=="),
        ("application/x-www-form-urlencoded", b"a=b", "YT1i"),  # what `curl -d` sends
    ],
)
def test_what_is_not_text_arrives_in_base64(content_type: str, body: bytes, encoded: str) -> None:
    found = event("POST", "/infer", ("content-type", content_type), body=body)

    assert (found["body"], found["isBase64Encoded"]) == (encoded, True)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", "application/problem+json"])
def test_text_arrives_as_text(content_type: str) -> None:
    found = event("POST", "/infer", ("content-type", content_type), body=b"{}")

    assert (found["body"], found["isBase64Encoded"]) == ("{}", False)


def test_a_request_without_a_body_has_none() -> None:
    found = event("POST", "/stop")

    assert "body" not in found
    assert found["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("DELETE", "/jobs/1", "DELETE /jobs/{id}"),
        ("OPTIONS", "/jobs/1", "OPTIONS /{proxy+}"),
        ("GET", "/infer", "$default"),
        ("GET", "/jobs/", "$default"),
        ("GET", "/jobs/1/2", "$default"),
        ("GET", "/health/", "$default"),
        ("GET", "/", "$default"),
        ("GET", "/two\nlines", "$default"),
    ],
)
def test_the_most_specific_route_serves_and_default_the_rest(method: str, path: str, key: str) -> None:
    found = TABLE.match(method, path)

    assert found is not None
    assert found[0].key == key


def test_a_table_without_a_default_leaves_requests_unserved() -> None:
    assert RouteTable(route for route in routes() if route.key != "$default").match("GET", "/infer") is None


def test_an_answer_becomes_status_headers_and_bytes() -> None:
    answer = {"statusCode": 202, "headers": {"X-GPU-ColdBoot": "true"}, "cookies": ["a=1"], "body": '{"é":1}'}

    found = Outgoing.from_lambda(answer)

    assert found == Outgoing(202, (("x-gpu-coldboot", "true"), ("set-cookie", "a=1")), '{"é":1}'.encode())
    assert Outgoing.from_lambda({"statusCode": 200, "body": "//4=", "isBase64Encoded": True}).body == b"\xff\xfe"
    assert Outgoing.from_lambda({"statusCode": 204}).body == b""


@pytest.mark.parametrize(
    "answer",
    [None, "text", {}, {"statusCode": "200"}, {"statusCode": 200, "body": {"a": 1}}, {"statusCode": 200, "body": b""}],
)
def test_an_answer_that_aws_would_not_pass_on_is_refused(answer: Any) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)):
        Outgoing.from_lambda(answer)

"""The handlers as they are uploaded: from zip and layer, in a clean interpreter of Lambda's version."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.redis_server import RedisServer
from tests.artefacts.conftest import Run
from tests.artefacts.test_build import HANDLERS
from tests.tokens import AUDIENCE, ISSUER, key_set, token

ROUTER = "lambdas.router.handler.lambda_handler"
PROMPT = {"prompt": "x", "idle": 5}


class _Keys(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(key_set()).encode())

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def keys_url() -> Iterator[str]:
    """The pool's key set, served over HTTP."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Keys) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()
        thread.join()


@pytest.fixture
def environment(redis_server: RedisServer, keys_url: str) -> Mapping[str, str]:
    """The router's environment."""
    return {
        "COGNITO_ISSUER": ISSUER,
        "COGNITO_AUD": AUDIENCE,
        "JWKS_URL": keys_url,
        "LEASE_ROLE_ARN": "arn:aws:iam::123456789012:role/tinyllama-lease",
        "REDIS_HOST": redis_server.host,
        "REDIS_PORT": str(redis_server.port),
        "REDIS_TIMEOUT_S": "1",
        "REPLY_BUCKET": "replies",
    }


@pytest.fixture
def ready_worker(redis_server: RedisServer) -> Iterator[None]:
    """A worker that said a moment ago that it is there, so that nobody looks for a node."""
    import redis  # noqa: PLC0415 -- a test's own client

    with redis.Redis(port=redis_server.port) as client:
        client.flushall()
        client.zadd("workers", {"w": 4e12})
        yield
        client.flushall()


def event(authorization: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"authorization": authorization} if authorization else {}
    context = {"requestId": "r", "http": {"method": "POST", "sourceIp": "203.0.113.7"}}
    return {"rawPath": "/infer", "headers": headers, "requestContext": context, "body": json.dumps(body)}


@pytest.mark.usefixtures("ready_worker")
def test_the_router_answers_from_the_artefacts_and_a_warm_request_never_imports_boto3(
    run: Run, environment: Mapping[str, str]
) -> None:
    events = [event(None, PROMPT), event(f"Bearer {token()}", PROMPT), event(f"Bearer {token()}", {"idle": 0})]
    found = run(ROUTER, *events, **environment)
    bodies = [(answer["statusCode"], json.loads(answer["body"])) for answer in found["answers"]]
    assert bodies[0] == (401, {"error": "missing_token"})
    assert (bodies[1][0], bodies[1][1]["status"]) == (202, "queued")
    assert (bodies[2][0], len(bodies[2][1]["fields"])) == (400, 2)
    assert found["version"] == [3, 12]
    assert "/task" in found["origins"]["tinyllama"]
    assert "/opt" in found["origins"]["hiredis"]
    assert not {"boto3", "botocore"} & set(found["modules"])


@pytest.mark.usefixtures("ready_worker")
def test_the_rejection_of_a_token_needs_no_boto3_either(run: Run, environment: Mapping[str, str]) -> None:
    found = run(ROUTER, event(f"Bearer {token(aud='another')}", PROMPT), **environment)
    assert found["answers"][0]["statusCode"] == 403
    assert "boto3" not in found["modules"]


def test_a_cold_boot_is_what_imports_boto3_from_the_runtime(
    run: Run, environment: Mapping[str, str], redis_server: RedisServer
) -> None:
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "eu-central-1"}
    secrets = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    found = run(ROUTER, event(f"Bearer {token(sub='sub-cold')}", PROMPT), **environment, **nobody, **secrets)
    assert found["answers"][0]["statusCode"] == 503
    assert json.loads(found["answers"][0]["body"])["error"] == "start_failed"
    assert "boto3" in found["modules"], "or the other tests prove nothing"


@pytest.mark.parametrize("path", HANDLERS)
def test_every_handler_imports_from_the_artefacts(run: Run, path: str) -> None:
    found = run(f"{path.removesuffix('.py').replace('/', '.')}.lambda_handler")
    assert "/task" in found["origins"]["tinyllama"]


def test_queue_health_answers_from_the_artefacts(run: Run, redis_server: RedisServer) -> None:
    asked = event(None, {}) | {"rawPath": "/queue-health"}
    environment = {"REDIS_HOST": redis_server.host, "REDIS_PORT": str(redis_server.port), "REDIS_TIMEOUT_S": "1"}
    asked["requestContext"]["http"]["sourceIp"] = "10.20.1.2"
    found = run("lambdas.queue_health.handler.lambda_handler", asked, **environment)
    assert found["answers"][0]["statusCode"] == 200

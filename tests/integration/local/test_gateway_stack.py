"""The gateway serves what was applied to the local AWS: routes, throttles and the functions' settings from there."""

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws.server import StrictAws
from local.gateway_event import Route
from local.gateway_stack import Limit, Stack, StackError, Throttle, ThrottledGateway, local_environment, read_stack

HANDLER = "lambdas.router.handler.lambda_handler"


@pytest.fixture(scope="module")
def aws() -> Iterator[StrictAws]:
    with StrictAws() as running:
        yield running


def code() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", "")
    return packed.getvalue()


def function(aws: StrictAws, name: str, handler: str, **variables: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    arn: str = aws.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.12",
        Handler=handler,
        Code={"ZipFile": code()},
        Environment={"Variables": variables},
    )["FunctionArn"]
    return arn


def api(aws: StrictAws, name: str, routes: dict[str, str], **stage: Any) -> None:
    edge = aws.client("apigatewayv2")
    made = edge.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    for key, arn in routes.items():
        uri = f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        target = edge.create_integration(
            ApiId=made, IntegrationType="AWS_PROXY", IntegrationUri=uri, PayloadFormatVersion="2.0"
        )["IntegrationId"]
        edge.create_route(ApiId=made, RouteKey=key, Target=f"integrations/{target}")
    default = {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 20.0}
    edge.create_stage(ApiId=made, StageName="$default", **{"DefaultRouteSettings": default, **stage})


def read(aws: StrictAws, name: str, **more: Any) -> Stack:
    return read_stack(aws.client("apigatewayv2"), aws.client("lambda"), name=name, **more)


@pytest.fixture(scope="module")
def applied(aws: StrictAws) -> str:
    router = function(aws, "router", HANDLER, TL_QUEUE="sqs", QUEUE_URL="http://q")
    health = function(aws, "health", "lambdas.queue_health.handler.lambda_handler", TL_QUEUE="sqs", CIDRS="10/8")
    routes = {"$default": router, "GET /jobs/{id}": router, "POST /infer": router, "GET /queue-health": health}
    own = {"POST /infer": {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 1.0}}
    api(aws, "applied", routes, RouteSettings=own)
    return "applied"


class TestReading:
    def test_routes_come_in_the_order_in_which_they_are_tried(self, aws: StrictAws, applied: str) -> None:
        keys = [route.key for route in read(aws, applied).routes]
        assert keys[-2:] == ["GET /jobs/{id}", "$default"]
        assert set(keys[:-2]) == {"POST /infer", "GET /queue-health"}

    def test_a_route_has_its_own_limit_or_the_stages(self, aws: StrictAws, applied: str) -> None:
        limits = read(aws, applied).limits
        assert (limits["POST /infer"], limits["$default"]) == (Limit(1.0, 2), Limit(20.0, 5))

    def test_the_environment_is_the_functions(self, aws: StrictAws, applied: str) -> None:
        assert read(aws, applied).environment == {"TL_QUEUE": "sqs", "QUEUE_URL": "http://q", "CIDRS": "10/8"}
        alone = read(aws, applied, function="health")
        assert ([route.key for route in alone.routes], set(alone.environment)) == (
            ["GET /queue-health"],
            {"TL_QUEUE", "CIDRS"},
        )

    def test_no_api_says_what_to_do(self, aws: StrictAws) -> None:
        with pytest.raises(StackError, match="apply the stack first"):
            read(aws, "none")

    def test_two_functions_that_contradict_each_other_are_not_served_together(self, aws: StrictAws) -> None:
        one, two = (function(aws, name, HANDLER, TL_QUEUE=name) for name in ("redis", "sqs"))
        api(aws, "torn", {"GET /a": one, "GET /b": two})
        with pytest.raises(StackError, match="TL_QUEUE"):
            read(aws, "torn")
        assert read(aws, "torn", function="sqs").environment == {"TL_QUEUE": "sqs"}

    def test_a_stage_without_a_throttle_is_an_error(self, aws: StrictAws) -> None:
        api(aws, "open", {"GET /a": function(aws, "open", HANDLER)}, DefaultRouteSettings={})
        with pytest.raises(StackError, match="no throttle"):
            read(aws, "open")


class TestThrottle:
    def test_a_burst_is_admitted_then_as_many_as_are_refilled(self) -> None:
        now = [0.0]
        throttle = Throttle({"GET /a": Limit(rate=2.0, burst=3)}, clock=lambda: now[0])
        assert [throttle.admits("GET /a") for _ in range(4)] == [True, True, True, False]
        now[0] = 0.4
        assert not throttle.admits("GET /a")
        now[0] = 0.5
        assert [throttle.admits("GET /a") for _ in range(2)] == [True, False]
        now[0] = 1_000.0
        assert [throttle.admits("GET /a") for _ in range(4)] == [True, True, True, False]

    def test_routes_have_buckets_of_their_own(self) -> None:
        throttle = Throttle({"GET /a": Limit(1.0, 1), "GET /b": Limit(1.0, 1)}, clock=lambda: 0.0)
        assert [throttle.admits(key) for key in ("GET /a", "GET /a", "GET /b")] == [True, False, True]

    def test_a_refused_request_never_reaches_the_function(self) -> None:
        called = []

        def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
            called.append(event["routeKey"])
            return {"statusCode": 200, "body": "{}"}

        stack = Stack((Route("GET", "/a", "h"),), {"GET /a": Limit(1.0, 1)}, {}, {"h": "f"})
        gateway = ThrottledGateway(stack, {"h": handler}, clock=lambda: 0.0)
        answers = [asyncio.run(get(gateway, "/a")) for _ in range(2)]
        assert answers == [(200, b"{}"), (429, b'{"message":"Too Many Requests"}')]
        assert called == ["GET /a"]


async def get(gateway: ThrottledGateway, path: str) -> tuple[int, bytes]:
    """One request, without a server."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "http_version": "1.1", "headers": []}
    await gateway(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


class TestLocalEnvironment:
    ISSUER = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc"

    def test_what_only_aws_can_resolve_is_replaced(self) -> None:
        given = {"COGNITO_ISSUER": self.ISSUER, "REDIS_HOST": "tl-fif-queue.cache.amazonaws.com", "A": "b"}
        found = local_environment(given, "http://127.0.0.1:5000", redis_port=6400)
        assert found["JWKS_URL"] == "http://127.0.0.1:5000/eu-central-1_abc/.well-known/jwks.json"
        assert (found["REDIS_HOST"], found["REDIS_PORT"], found["A"]) == ("127.0.0.1", "6400", "b")
        assert found["COGNITO_ISSUER"] == self.ISSUER

    def test_a_key_set_of_its_own_is_left_alone_and_no_redis_is_invented(self) -> None:
        found = local_environment({"COGNITO_ISSUER": self.ISSUER, "JWKS_URL": "x"}, "http://a", redis_port=6400)
        assert (found["JWKS_URL"], "REDIS_HOST" in found) == ("x", False)

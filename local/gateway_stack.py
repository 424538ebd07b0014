"""`python -m local.gateway_stack`: serves an HTTP API as it was applied to the local AWS.

Routes, throttles and each function's handler and environment are read from API Gateway and Lambda, not from our files.
Two addresses are replaced, since names of AWS do not resolve here: the pool's key set, and the host of Redis.
"""

import argparse
import importlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from local.gateway import HOST, server
from local.gateway_app import Gateway, Handler, Message, Receive, Send
from local.gateway_event import DEFAULT, Route, RouteTable

_FUNCTION = re.compile(r"arn:aws:lambda:[\w-]+:\d{12}:function:(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?")
_POOL = re.compile(r"https://cognito-idp\.[\w-]+\.amazonaws\.com/(?P<pool>[\w-]+)")
_TOO_MANY = b'{"message":"Too Many Requests"}'  # API Gateway's own words: they cannot be changed


class StackError(Exception):
    """The account has no API to serve, or one that cannot be served here; the text says why."""


@dataclass(frozen=True)
class Limit:
    """A stage's throttle of a route: requests a second, and how many at once."""

    rate: float
    burst: int


@dataclass(frozen=True)
class Stack:
    """What an applied API consists of. `limits` has one for each route key; `functions` maps handlers to names."""

    routes: tuple[Route, ...]
    limits: Mapping[str, Limit]
    environment: Mapping[str, str]
    functions: Mapping[str, str] = field(default_factory=dict)


def read_stack(apis: Any, lambdas: Any, *, name: str = "tinyllama", function: str = "") -> Stack:
    """Read an API by its name; with `function`, only the routes that lead to it.

    Raises StackError when there is no such API, or when two functions want different values of a variable: they
    share a process here.
    """
    found = [api for api in apis.get_apis()["Items"] if api["Name"] == name]
    if not found:
        raise StackError(f"the account has no API {name!r}: apply the stack first")
    api_id = found[0]["ApiId"]
    stage = apis.get_stage(ApiId=api_id, StageName=DEFAULT)
    targets = {one["IntegrationId"]: one["IntegrationUri"] for one in apis.get_integrations(ApiId=api_id)["Items"]}
    routes: list[Route] = []
    limits: dict[str, Limit] = {}
    environment: dict[str, str] = {}
    functions: dict[str, str] = {}
    for route in apis.get_routes(ApiId=api_id)["Items"]:
        target = _FUNCTION.search(targets[route["Target"].removeprefix("integrations/")])
        if target is None:
            raise StackError(f"{route['RouteKey']} leads to no function")
        if function in {"", target["name"]}:
            settings = _settings(lambdas, target)
            routes.append(_route(route["RouteKey"], settings["Handler"]))
            limits[route["RouteKey"]] = _limit(stage, route["RouteKey"])
            functions[settings["Handler"]] = target["name"]
            _merge(environment, settings["Environment"]["Variables"], target["name"])
    return Stack(tuple(sorted(routes, key=_greed)), limits, environment, functions)


def _settings(lambdas: Any, target: re.Match[str]) -> dict[str, Any]:
    qualifier = {"Qualifier": target["qualifier"]} if target["qualifier"] else {}
    found: dict[str, Any] = lambdas.get_function_configuration(FunctionName=target["name"], **qualifier)
    return found


def _route(key: str, handler: str) -> Route:
    method, _, path = key.partition(" ")
    return Route.default(handler) if key == DEFAULT else Route(method, path, handler)


def _greed(route: Route) -> tuple[bool, int, int]:
    return route.key == DEFAULT, route.path.count("+}"), route.path.count("{")


def _limit(stage: Mapping[str, Any], key: str) -> Limit:
    settings = {**stage.get("DefaultRouteSettings", {}), **stage.get("RouteSettings", {}).get(key, {})}
    try:
        return Limit(float(settings["ThrottlingRateLimit"]), int(settings["ThrottlingBurstLimit"]))
    except KeyError as error:
        raise StackError(f"{key} has no throttle: set burst and rate in the stage") from error


def _merge(environment: dict[str, str], variables: Mapping[str, str], function: str) -> None:
    for name, value in variables.items():
        if environment.setdefault(name, value) != value:
            raise StackError(f"{function} wants another {name} than the functions before it: serve it alone")


class Throttle:
    """The stage's token buckets, one a route, refilled by the clock (seconds)."""

    def __init__(self, limits: Mapping[str, Limit], clock: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets."""
        self._limits, self._clock = limits, clock
        self._tokens = {key: (float(limit.burst), clock()) for key, limit in limits.items()}

    def admits(self, key: str) -> bool:
        """Spend a token of the route, if there is one."""
        limit, (tokens, since), now = self._limits[key], self._tokens[key], self._clock()
        tokens = min(limit.burst, tokens + (now - since) * limit.rate)
        admitted = tokens >= 1
        self._tokens[key] = (tokens - admitted, now)
        return admitted


class ThrottledGateway:
    """The gateway behind the stage's throttles, which count for all callers together."""

    def __init__(self, stack: Stack, handlers: Mapping[str, Handler], clock: Callable[[], float] = time.monotonic):
        """Serve the stack's routes with these handlers."""
        self._gateway, self._table = Gateway(stack.routes, handlers), RouteTable(stack.routes)
        self._throttle = Throttle(stack.limits, clock)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with 429."""
        found = self._table.match(scope["method"], scope["path"])
        if found is None or self._throttle.admits(found[0].key):
            await self._gateway(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_TOO_MANY)).encode())]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": _TOO_MANY})


def local_environment(variables: Mapping[str, str], aws_url: str, redis_port: int = 0) -> dict[str, str]:
    """A function's environment with the addresses that only AWS can resolve replaced; a null variable is left out."""
    found = {name: value for name, value in variables.items() if value is not None}
    found.pop("AWS_USE_DUALSTACK_ENDPOINT", None)  # loopback has one stack
    pool = _POOL.fullmatch(found.get("COGNITO_ISSUER", ""))
    if pool and "JWKS_URL" not in found:
        found["JWKS_URL"] = f"{aws_url}/{pool['pool']}/.well-known/jwks.json"
    if redis_port and "REDIS_HOST" in found:
        found |= {"REDIS_HOST": HOST, "REDIS_PORT": str(redis_port)}
    return found | {"AWS_ENDPOINT_URL": aws_url}


def _handlers(names: Iterable[str]) -> dict[str, Handler]:
    found: dict[str, Handler] = {}
    for name in names:
        module, _, attribute = name.rpartition(".")
        found[name] = getattr(importlib.import_module(module), attribute)
    return found


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM. AWS_ENDPOINT_URL, AWS_REGION and credentials come from the environment."""
    parser = argparse.ArgumentParser(prog="python -m local.gateway_stack", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--function", default="", help="serve only the routes that lead to this function")
    parser.add_argument("--redis-port", type=int, default=0, help="of the redis-server that stands for the cluster")
    parser.add_argument("--ready-file", type=Path, help='where to write {"url": ...} once requests are served')
    arguments = parser.parse_args(argv)
    try:
        session = boto3.Session()  # not the default one: it would keep these credentials for the function
        stack = read_stack(session.client("apigatewayv2"), session.client("lambda"), function=arguments.function)
    except StackError as error:
        sys.stderr.write(f"local.gateway_stack: {error}\n")
        return 1
    os.environ.update(local_environment(stack.environment, os.environ["AWS_ENDPOINT_URL"], arguments.redis_port))
    if arguments.function:  # by its access key, the call log knows whose call it was: as Lambda, it gets its role's
        os.environ["AWS_ACCESS_KEY_ID"] = arguments.function
    sys.stdout.write(json.dumps({"functions": stack.functions}) + "\n")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, arguments.port))
        gateway = ThrottledGateway(stack, _handlers(stack.functions))  # imported now: some settings are read then
        server(gateway, arguments.ready_file).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())

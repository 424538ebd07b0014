"""What the two routes of the admin API do, given who asks."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.http import Request, Response
from tinyllama.domain.errors import ApiError, AutomationError, ErrorCode, NodeError
from tinyllama.domain.lease import LeasePolicy
from tinyllama.domain.metrics import Metric
from tinyllama.domain.node import Node
from tinyllama.domain.resize import ResizeError, choose
from tinyllama.domain.resize_api import (
    ADMINS,
    failed,
    hourly_cost,
    parameters,
    parse_resize,
    progress,
    start_token,
)
from tinyllama.ports import Automation, Metrics, NodeControl, TokenVerifier

_OPERATION = re.compile(r"/resize/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Adapters:
    """Everything outside that the routes use. `document` is the one that may be started."""

    tokens: TokenVerifier
    nodes: Callable[[], NodeControl]
    automation: Callable[[], Automation]
    document: str
    types: tuple[str, ...]
    region: str
    policy: LeasePolicy
    clock: Callable[[], float] = time.time


@dataclass(slots=True)
class Trace:
    """What is known of a request beyond the request itself; `audit` becomes part of the log record."""

    metrics: Metrics
    sub: str | None = None
    audit: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of an admin's, with what it needs."""

    request: Request
    out: Adapters
    trace: Trace


def start(call: Call) -> Response:
    """Start the document for what is asked, if it is not at work already."""
    out, audit = call.out, call.trace.audit
    asked = parse_resize(call.request.body(), out.types)
    audit["inputs"] = asked.model_dump(mode="json", exclude_none=True)
    call.trace.metrics.count(Metric.RESIZE_REQUESTS, Action=asked.action.value)
    try:
        node = _node(out)
        audit |= {"node": node.id, "before": {"instance_type": node.instance_type, "state": node.state.value}}
        audit["eur_per_hour"] = hourly_cost(asked, node, out.region)
        # First of all: whoever asks again because an answer was lost is told of the operation.
        token = start_token(node.id, out.automation().recent(out.document))
        given = parameters(asked, node, now=out.clock(), policy=out.policy)
        audit["operationId"] = _start(out, given, token)
    except (AutomationError, NodeError, ResizeError) as error:
        raise failed(str(error)) from error
    return Response(202, {"status": "accepted", "operationId": audit["operationId"]})


def _node(out: Adapters) -> Node:
    return choose(out.nodes().nodes())


def _start(out: Adapters, given: Mapping[str, str], token: str) -> str:
    try:
        return out.automation().start(out.document, given, token)
    except AutomationError as error:
        if error.code != "IdempotentParameterMismatch":
            raise
        # Somebody asked for something else in the same moment, and was first.
        raise ApiError(ErrorCode.RESIZE_RUNNING) from error


def follow(call: Call) -> Response:
    """Show an execution of our document, and of no other."""
    match = _OPERATION.fullmatch(call.request.path)
    try:
        found = call.out.automation().execution(match[1]) if match else None
    except AutomationError as error:
        raise failed(str(error)) from error
    if found is None or found.document != call.out.document:
        raise ApiError(ErrorCode.NOT_FOUND)
    return Response(200, progress(found))


ROUTES: Mapping[str, Mapping[str, Callable[[Call], Response]]] = {
    "/resize": {"POST": start},
    "/resize/{operationId}": {"GET": follow},
}


def pattern_of(path: str) -> str:
    """The pattern in `ROUTES` that a path matches."""
    return "/resize/{operationId}" if path.startswith("/resize/") else "/resize"


def answer(request: Request, out: Callable[[], Adapters], trace: Trace) -> Response:
    """Answer an admin; origin, token and group are checked in this order.

    Raises:
        ApiError: every documented refusal.
    """
    if not request.origin_allowed:
        raise ApiError(ErrorCode.ORIGIN_NOT_ALLOWED)
    route = ROUTES[pattern_of(request.path)].get(request.method)
    if route is None:  # API Gateway sends no other method here
        raise ApiError(ErrorCode.METHOD_NOT_ALLOWED)
    adapters = out()
    user = adapters.tokens.verify(request.headers.get("authorization"))
    trace.sub = user.sub
    trace.audit = {"who": user.sub, "what": f"{request.method} {pattern_of(request.path)}"}
    if ADMINS not in user.groups:
        raise ApiError(ErrorCode.FORBIDDEN)
    return route(Call(request, adapters, trace))

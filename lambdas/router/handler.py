"""Entry point of `tinyllama-router`: one event in, one answer and one log record out."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from tinyllama.imports import importing

with importing():  # an eighth less of a cold start
    from lambdas.http import PREFLIGHT, Request, Response, access_record
    from lambdas.json_text import json_text
    from lambdas.router import wiring
    from lambdas.router.call import Call, Trace, rate_limited
    from lambdas.router.routes import ROUTES, pattern_of
    from tinyllama.adapters.emf import EmfMetrics
    from tinyllama.domain.crash import places
    from tinyllama.domain.errors import ApiError, ErrorCode, QueueUnavailableError
    from tinyllama.domain.metrics import Metric


def lambda_handler(event: Mapping[str, Any], _context: object = None) -> dict[str, Any]:
    """Answer one request of API Gateway (payload format 2.0)."""
    started = time.perf_counter()
    request, metrics = Request.from_event(event), EmfMetrics()
    trace, pattern = Trace(metrics), pattern_of(request.path)
    try:
        response = _answer(request, pattern, trace)
    except ApiError as error:
        response = Response.from_error(error)
    except QueueUnavailableError as error:
        _log({"requestId": request.id, "level": "error", "message": f"queue unavailable: {error}"})
        response = Response.from_error(_queue_away(trace))
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a documented body, the log has the place
        _log({"requestId": request.id, "level": "error", "message": places(error)})
        response = Response.from_error(ApiError(ErrorCode.INTERNAL))
    latency_ms = (time.perf_counter() - started) * 1000
    route = f"{request.method} {pattern}"
    record = access_record(request, route=route, status=response.status, sub=trace.sub, latency_ms=latency_ms)
    if trace.job_id is not None:
        record["jobId"] = trace.job_id
    if trace.wake_failed is not None:
        record["wakeFailed"] = trace.wake_failed
    record |= metrics.fields(time.time_ns() // 1_000_000)
    _log(record)
    return response.to_event(request)


def _answer(request: Request, pattern: str, trace: Trace) -> Response:
    if not request.origin_allowed:
        raise ApiError(ErrorCode.ORIGIN_NOT_ALLOWED)
    if request.method == "OPTIONS":
        return PREFLIGHT
    if wiring.settings().tl_disable_lam_router:
        raise ApiError(ErrorCode.ROUTER_DISABLED)
    methods = ROUTES.get(pattern)
    if methods is None:
        raise ApiError(ErrorCode.NOT_FOUND)
    route = methods.get(request.method)
    if route is None:
        # RFC 9110, 15.5.6: the answer must say which methods there are.
        allow = {"allow": ", ".join(sorted({*methods, "OPTIONS"}))}
        return Response.from_error(ApiError(ErrorCode.METHOD_NOT_ALLOWED))._replace(headers=allow)
    out = wiring.adapters()
    user = out.tokens.verify(request.headers.get("authorization"))
    trace.sub = user.sub
    return route(Call(request, user, out, trace))


def _queue_away(trace: Trace) -> ApiError:
    trace.metrics.count(Metric.ENQUEUE_FAIL)
    # The queue keeps the buckets; while it is away, a client in a loop meets this container's own.
    if trace.sub is not None and not wiring.adapters().fallback.spend(trace.sub, trace.allowance):
        return rate_limited(trace)
    return ApiError(ErrorCode.QUEUE_UNAVAILABLE)


def _log(record: Mapping[str, Any]) -> None:
    sys.stdout.write(json_text(record) + "\n")

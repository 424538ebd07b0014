"""Entry point of `resize`: one event in, one answer and one log record out, which is the audit of the admin API."""

import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambdas.http import Request, Response, access_record
from lambdas.json_text import json_text
from lambdas.resize import wiring
from lambdas.resize.routes import Trace, answer, pattern_of
from tinyllama.adapters.emf import EmfMetrics
from tinyllama.domain.crash import places
from tinyllama.domain.errors import ApiError, ErrorCode


def lambda_handler(event: Mapping[str, Any], _context: object = None) -> dict[str, Any]:
    """Answer one request of API Gateway (payload format 2.0)."""
    started = time.perf_counter()
    request, metrics = Request.from_event(event), EmfMetrics()
    trace = Trace(metrics)
    try:
        response, outcome = answer(request, wiring.adapters, trace), "accepted"
    except ApiError as error:
        response, outcome = Response.from_error(error), "refused"
        trace.audit |= {"error": error.body}
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a documented body, the log has the place
        _log({"requestId": request.id, "level": "error", "message": places(error)})
        response, outcome = Response.from_error(ApiError(ErrorCode.INTERNAL)), "failed"
    latency_ms = (time.perf_counter() - started) * 1000
    route = f"{request.method} {pattern_of(request.path)}"
    record = access_record(request, route=route, status=response.status, sub=trace.sub, latency_ms=latency_ms)
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "from": record["ip"],
        "revision": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "local"),
        "outcome": outcome,
        "seconds": round(latency_ms / 1000, 3),
    }
    _log({**record, "audit": trace.audit | about, **metrics.fields(time.time_ns() // 1_000_000)})
    return response.to_event(request)


def _log(record: Mapping[str, Any]) -> None:
    sys.stdout.write(json_text(record) + "\n")

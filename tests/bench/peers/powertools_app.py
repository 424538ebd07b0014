"""The same API behind AWS Powertools' resolver: its routing, errors and answers around our own adapters.

Given every advantage that its authors would take: no validation middleware (which would bring OpenAPI models), the body
parsed by pydantic directly, the log record written by `json.dumps` (its Logger costs more), no tracer.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.domain.jobs import Job, reply_url
from tinyllama.domain.requests import parse_infer
from tinyllama.ports import AdmitCode

Handler = Callable[[Any, Any], Any]
_ENQUEUED = [{"Namespace": "TLFIF/Queue", "Dimensions": [[]], "Metrics": [{"Name": "Enqueues", "Unit": "Count"}]}]


def application(tokens: CognitoVerifier, queue: RedisAdmissions, bucket: str) -> Handler:
    """The handler."""
    app = APIGatewayHttpResolver()

    def answer(status: int, body: dict[str, Any]) -> "Response[str]":
        headers = {"x-request-id": app.current_event.request_context.request_id, "cache-control": "no-store"}
        return Response(status, "application/json", json.dumps(body), headers)

    @app.exception_handler(ApiError)  # type: ignore[untyped-decorator]
    def refused(error: ApiError) -> "Response[str]":
        return answer(error.status, error.body)

    @app.post("/infer")
    def infer() -> "Response[str]":
        user = tokens.verify(app.current_event.headers.get("authorization"))
        app.context["sub"] = user.sub
        return answer(202, _admit(queue, app.current_event.body or "", user.sub, bucket))

    def handle(event: Any, context: Any) -> Any:
        started = time.perf_counter()
        answered = app.resolve(event, context)
        _log_access(event, answered["statusCode"], app.context.get("sub"), started)
        return answered

    return handle


def _admit(queue: RedisAdmissions, body: str, sub: str, bucket: str) -> dict[str, Any]:
    asked, job_id = parse_infer(body), str(uuid.uuid4())
    now = time.time_ns() // 1_000_000
    admission = queue.admit(Job(id=job_id, reply_s3=reply_url(bucket, job_id), ts=now, sub=sub, **asked.model_dump()))
    if admission.code is not AdmitCode.ADMITTED:
        limited = admission.code is AdmitCode.RATE_LIMITED
        raise ApiError(ErrorCode.RATE_LIMITED if limited else ErrorCode.QUEUE_FULL)
    if admission.worker_ready:
        return {"status": "queued", "id": job_id}
    return {"status": "starting", "eta": 90, "id": job_id}


def _log_access(event: Any, status: int, sub: str | None, started: float) -> None:
    context = event["requestContext"]
    record = {
        "requestId": context["requestId"],
        "ip": context["http"]["sourceIp"],
        "route": f"{context['http']['method']} {event['rawPath']}",
        "status": status,
        "jwtSub": sub,
        "latencyMs": round((time.perf_counter() - started) * 1000, 2),
        "userAgent": context["http"]["userAgent"][:256],
        "origin": "",
    }
    if status == 202:
        record["_aws"] = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": _ENQUEUED}
        record["Enqueues"] = 1
    sys.stdout.write(json.dumps(record) + "\n")

"""Entry point of `queue_health`: `GET /queue-health`, without a token, for callers inside the VPC only."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from lambdas.http import Request, Response
from lambdas.json_text import json_text
from lambdas.queue_health.settings import QueueHealthSettings
from tinyllama.adapters import queues
from tinyllama.domain.queue_health import allowed_source, judge
from tinyllama.ports import QueueProbe


@cache
def settings() -> QueueHealthSettings:
    """The settings of this container."""
    return QueueHealthSettings.from_env()


@cache
def probe() -> QueueProbe:
    """The probe of this container."""
    env = settings()
    return queues.probe(env, redis_timeout_s=env.redis_timeout_s)


def lambda_handler(event: Mapping[str, Any], _context: object = None) -> dict[str, Any]:
    """Answer one request of API Gateway (payload format 2.0)."""
    request = Request.from_event(event)
    source = event["requestContext"]["http"].get("sourceIp", "")
    if not allowed_source(source, settings().allowed_cidrs):
        return Response(403, {"error": "forbidden"}).to_event(request)
    health = judge(probe().measure(), settings().tl_queue)
    record = {
        "requestId": request.id,
        "route": "GET /queue-health",
        "ip": source,
        **health.body,
        "doctor": health.doctor,
    }
    sys.stdout.write(json_text(record | health.body) + "\n")
    return Response(200 if health.ok else 503, health.body).to_event(request)

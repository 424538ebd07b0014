"""The same API in FastAPI behind Mangum: what most people would build for a Lambda function in Python.

Given every advantage that its authors would take: the access log and the headers are plain ASGI middleware (the
`@app.middleware` decorator costs far more), no lifespan, no OpenAPI, answers without a response model.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.bench.peers.fastapi_duties import Duties, User
from tinyllama.domain.requests import InferRequest

Handler = Callable[[Any, Any], Any]
_ORIGINS = r"http://localhost(:[0-9]{1,5})?|capacitor://[!-+.-~-]*"
_ENQUEUED = [{"Namespace": "TLFIF/Queue", "Dimensions": [[]], "Metrics": [{"Name": "Enqueues", "Unit": "Count"}]}]


class AccessLog:
    """Adds the headers of every answer, and writes one JSON line for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started, status = time.perf_counter(), 500
        request_id = scope["aws.event"]["requestContext"]["requestId"].encode()
        scope["state"] = {}

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += [(b"x-request-id", request_id), (b"cache-control", b"no-store")]
            await send(message)

        await self.app(scope, receive, answer)
        _log_access(scope, status, (time.perf_counter() - started) * 1000)


def _log_access(scope: Scope, status: int, latency_ms: float) -> None:
    context = scope["aws.event"]["requestContext"]
    record = {
        "requestId": context["requestId"],
        "ip": context["http"]["sourceIp"],
        "route": f"{scope['method']} {scope['path']}",
        "status": status,
        "jwtSub": scope["state"].get("sub"),
        "latencyMs": round(latency_ms, 2),
        "userAgent": context["http"]["userAgent"][:256],
        "origin": "",
    }
    if status == 202:
        record["_aws"] = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": _ENQUEUED}
        record["Enqueues"] = 1
    sys.stdout.write(json.dumps(record) + "\n")


def _application() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origin_regex=_ORIGINS, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(AccessLog)

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code)

    return app


def _handler(app: FastAPI) -> Handler:
    asyncio.set_event_loop(asyncio.new_event_loop())  # the one that Mangum asks for; 3.14 would not make it
    handle: Handler = Mangum(app, lifespan="off").__call__
    return handle


def synchronous(duties: Duties) -> Handler:
    """With `def`: FastAPI runs dependency and endpoint in its thread pool."""
    app = _application()

    def user(request: Request, authorization: Annotated[str | None, Header()] = None) -> User:
        found = duties.user(authorization)
        request.state.sub = found.sub
        return found

    @app.post("/infer", status_code=202)
    def infer(asked: InferRequest, user: Annotated[User, Depends(user)]) -> JSONResponse:
        return JSONResponse(duties.admit(asked, user), 202)

    return _handler(app)


def asynchronous(duties: Duties) -> Handler:
    """With `async def`, which blocks the loop while Redis works: no loss where a container serves one request."""
    app = _application()

    async def user(request: Request, authorization: Annotated[str | None, Header()] = None) -> User:
        found = duties.user(authorization)
        request.state.sub = found.sub
        return found

    @app.post("/infer", status_code=202)
    async def infer(asked: InferRequest, user: Annotated[User, Depends(user)]) -> JSONResponse:
        return JSONResponse(duties.admit(asked, user), 202)

    return _handler(app)

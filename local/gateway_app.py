"""The HTTP API on loopback: an ASGI application that calls the real Lambda handlers in threads.

Plain ASGI: a framework's routing would only stand between the request and the event.
"""

import asyncio
import dataclasses
import json
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from local.gateway_event import Incoming, Outgoing, Route, RouteTable
from tinyllama.domain.crash import places

PAYLOAD_MAX_BYTES = 10 * 1024 * 1024
HEADERS_MAX_BYTES = 10_240
INTEGRATION_TIMEOUT_S = 30.0
"""All are quotas of HTTP APIs that cannot be raised; that of headers counts the request line and all values."""
_CONCURRENCY = 32
_LOGGED_USER_AGENT = 256

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[dict[str, Any], object], Any]


class PayloadTooLargeError(Exception):
    """The body is larger than an HTTP API takes."""


class ClientGoneError(Exception):
    """The client hung up before its request was complete."""


class Gateway:
    """The ASGI application. `handlers` maps a route's handler string to the function."""

    def __init__(self, routes: Iterable[Route], handlers: Mapping[str, Handler]) -> None:
        self._table, self._handlers = RouteTable(routes), handlers
        self._threads = ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="lambda")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = time.perf_counter()
        request = _incoming(scope)
        found = self._table.match(request.method, request.path)
        try:
            answer = await self._answer(request, found, receive)
        except ClientGoneError:
            return
        _log_access(request, found[0].key if found else "-", answer.status, started)
        await _respond(answer, request, send)

    async def _answer(
        self, request: Incoming, found: tuple[Route, Mapping[str, str]] | None, receive: Receive
    ) -> Outgoing:
        if _header_bytes(request) > HEADERS_MAX_BYTES:
            return Outgoing.error(431, "headers_too_large")
        if found is None:
            return Outgoing.error(404, "not_found")
        try:
            body = await _body(request, receive)
        except PayloadTooLargeError:
            return Outgoing.error(413, "payload_too_large")
        route, parameters = found
        event = dataclasses.replace(request, body=body).to_event(route, parameters)
        try:
            return Outgoing.from_lambda(await self._invoke(self._handlers[route.handler], event))
        except Exception as error:  # noqa: BLE001 -- whatever a function does, its caller gets a documented body
            _log({"requestId": request.id, "level": "error", "message": places(error)})
            return Outgoing.error(500, "internal")

    async def _invoke(self, handler: Handler, event: dict[str, Any]) -> Any:
        async with asyncio.timeout(INTEGRATION_TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(self._threads, handler, event, None)


def _incoming(scope: Message) -> Incoming:
    return Incoming(
        id=secrets.token_hex(8),
        at=datetime.now(UTC),
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        protocol=f"HTTP/{scope['http_version']}",
        # The parser leaves blanks behind a value, which are no part of it (RFC 9110, 5.5).
        headers=tuple(
            (name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in scope["headers"]
        ),
        source_ip=(scope.get("client") or ("", 0))[0],
    )


def _header_bytes(request: Incoming) -> int:
    line = len(request.method) + len(request.path) + len(request.query) + len(request.protocol)
    return line + sum(len(value) for _, value in request.headers)


async def _body(request: Incoming, receive: Receive) -> bytes:
    announced = request.header("content-length")
    if announced.isdecimal() and int(announced) > PAYLOAD_MAX_BYTES:
        raise PayloadTooLargeError
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > PAYLOAD_MAX_BYTES:  # a chunked body announces nothing
            raise PayloadTooLargeError
    return bytes(body)


async def _respond(answer: Outgoing, request: Incoming, send: Send) -> None:
    headers = {"x-request-id": request.id, "content-length": str(len(answer.body))}
    if answer.status == 204:
        del headers["content-length"]  # RFC 9110, 8.6
    given = {name for name, _ in answer.headers}
    pairs = [*answer.headers, *((name, value) for name, value in headers.items() if name not in given)]
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})


def _log_access(request: Incoming, route: str, status: int, started: float) -> None:
    """The access log's fields (API-004). The path is not among them: a careless client puts a token there."""
    record = {
        "log": "access",
        "requestId": request.id,
        "ip": request.source_ip,
        "route": route,
        "status": status,
        "latencyMs": round((time.perf_counter() - started) * 1000, 2),
        "userAgent": request.header("user-agent")[:_LOGGED_USER_AGENT],
    }
    _log(record)


def _log(record: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")

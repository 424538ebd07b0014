"""API Gateway's payload format 2.0, as the little of it that our functions need.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lambdas.json_text import json_text
from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.domain.throttle import RETRY_AFTER_S

BODY_MAX_BYTES = 10_240
# `capacitor://` and anything that an Origin may hold: a comma would be a second one, joined by API Gateway.
_ORIGIN = re.compile(r"http://localhost(:[0-9]{1,5})?|capacitor://[!-+.-~-]*")
_LOG_FIELD_MAX = 256


class Request(NamedTuple):
    """A request; header names are in lower case."""

    id: str
    method: str
    path: str
    headers: Mapping[str, str]
    event: Mapping[str, Any]

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read an event of payload format 2.0."""
        context = event["requestContext"]
        headers: Mapping[str, str] = event.get("headers", {})
        if not "".join(headers).islower():  # API Gateway's always are
            headers = {name.lower(): value for name, value in headers.items()}
        return cls(context["requestId"], context["http"]["method"], event["rawPath"], headers, event)

    @property
    def origin(self) -> str | None:
        """The page that asks, if a browser does."""
        return self.headers.get("origin")

    @property
    def origin_allowed(self) -> bool:
        """Whether the origin is ours; no origin at all is no browser."""
        return self.origin is None or _ORIGIN.fullmatch(self.origin) is not None

    def query(self, name: str) -> str | None:
        """A parameter of the query; what is given twice is joined by a comma. None when there is none."""
        found: Mapping[str, str] = self.event.get("queryStringParameters") or {}
        return found.get(name)

    def body(self) -> bytes:
        """The body's bytes.

        Raises:
            ApiError: `invalid_request` when it is larger than `BODY_MAX_BYTES` or not what it says it is.
        """
        text: str = self.event.get("body") or ""
        try:
            raw = base64.b64decode(text, validate=True) if self.event.get("isBase64Encoded") else text.encode()
        except (binascii.Error, UnicodeEncodeError):
            raise _bad_body("unreadable", "the body cannot be decoded") from None
        if len(raw) > BODY_MAX_BYTES:
            raise _bad_body("too_large", f"the body has {len(raw)} bytes, at most {BODY_MAX_BYTES} are allowed")
        return raw


def _bad_body(code: str, message: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_REQUEST, fields=[{"field": "body", "code": code, "message": message}])


class Response(NamedTuple):
    """An answer; `body` is None for 204."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None

    @classmethod
    def from_error(cls, error: ApiError) -> "Response":
        """The documented answer to a refusal."""
        retry = {"retry-after": str(RETRY_AFTER_S)} if error.code is ErrorCode.RATE_LIMITED else None
        return cls(error.status, error.body, retry)

    def to_event(self, request: Request) -> dict[str, Any]:
        """The dictionary that API Gateway wants."""
        headers = {"x-request-id": request.id, "cache-control": "no-store", **(self.headers or {})}
        if request.origin is not None and request.origin_allowed:
            headers |= {"access-control-allow-origin": request.origin, "vary": "origin"}
        if self.body is None:
            return {"statusCode": self.status, "headers": headers}
        headers["content-type"] = "application/json"
        return {"statusCode": self.status, "headers": headers, "body": json_text(self.body)}


PREFLIGHT = Response(
    204,
    headers={
        "access-control-allow-methods": "POST, GET, DELETE, OPTIONS",
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-expose-headers": "x-request-id, x-gpu-coldboot, retry-after",
        "access-control-max-age": "600",
    },
)


def access_record(request: Request, *, route: str, status: int, sub: str | None, latency_ms: float) -> dict[str, Any]:
    """The access log's fields (API-004). Neither token nor prompt is among them."""
    http = request.event["requestContext"]["http"]
    return {
        "requestId": request.id,
        "ip": http.get("sourceIp"),
        "route": route,
        "status": status,
        "jwtSub": sub,
        "latencyMs": round(latency_ms, 2),
        "userAgent": (http.get("userAgent") or "")[:_LOG_FIELD_MAX],
        "origin": (request.origin or "")[:_LOG_FIELD_MAX],
    }

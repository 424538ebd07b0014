"""HTTP requests as API Gateway hands them to a Lambda function (HTTP API, payload format 2.0), and answers back.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

API_ID = "tinyllama"
DEFAULT = "$default"
# Only what these types carry reaches a function as text; a form, for instance, comes in base64.
_TEXT = re.compile(r"(text/.*|application/((.+\+)?json|(.+\+)?xml|javascript))(;.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    """One route: `{name}` in the path matches a segment, `{name+}` whatever follows; see `default` for the rest."""

    method: str
    path: str
    handler: str

    @classmethod
    def default(cls, handler: str) -> "Route":
        """What API Gateway calls `$default`: the route of every request that no other route takes."""
        return cls(DEFAULT, "/{any+}", handler)

    @property
    def key(self) -> str:
        """API Gateway's `routeKey`."""
        return DEFAULT if self.method == DEFAULT else f"{self.method} {self.path}"

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a path has to match."""
        if self.method == DEFAULT:
            return re.compile(r".*", re.DOTALL)
        greedy = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", self.path)
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", greedy))


class RouteTable:
    """Finds the route of a request; the first that matches."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, route.pattern) for route in routes]

    def match(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route and the path's parameters; None when there is none."""
        for route, pattern in self._routes:
            if route.method in {method, DEFAULT} and (found := pattern.fullmatch(path)):
                return route, found.groupdict()
        return None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request. `headers` are as they came, names in lower case; `path` is decoded."""

    id: str
    at: datetime
    method: str
    path: str
    query: str
    protocol: str
    headers: tuple[tuple[str, str], ...]
    source_ip: str
    body: bytes = b""

    def header(self, name: str) -> str:
        """All values of a header, joined as API Gateway joins them; empty when there is none."""
        return ",".join(value for key, value in self.headers if key == name)

    def to_event(self, route: Route, parameters: Mapping[str, str]) -> dict[str, Any]:
        """The event of payload format 2.0; what a request lacks is left out, as API Gateway does."""
        cookies = [cookie for key, value in self.headers if key == "cookie" for cookie in re.split(r";\s*", value)]
        optional = {
            "cookies": cookies,
            "queryStringParameters": _joined(parse_qsl(self.query, keep_blank_values=True)),
            "pathParameters": dict(parameters),
        }
        return {
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": _joined((key, value) for key, value in self.headers if key != "cookie"),
            **{name: value for name, value in optional.items() if value},
            "requestContext": self._context(route),
            **self._encoded_body(),
        }

    def _context(self, route: Route) -> dict[str, Any]:
        return {
            "accountId": "anonymous",
            "apiId": API_ID,
            "domainName": self.header("host"),
            "domainPrefix": self.header("host").partition(".")[0].partition(":")[0],
            "http": {
                "method": self.method,
                "path": self.path,
                "protocol": self.protocol,
                "sourceIp": self.source_ip,
                "userAgent": self.header("user-agent"),
            },
            "requestId": self.id,
            "routeKey": route.key,
            "stage": "$default",
            "time": f"{self.at.astimezone(UTC):%d/%b/%Y:%H:%M:%S +0000}",
            "timeEpoch": round(self.at.timestamp() * 1000),
        }

    def _encoded_body(self) -> dict[str, Any]:
        if not self.body:
            return {"isBase64Encoded": False}
        content_type = self.header("content-type")
        if not content_type or _TEXT.fullmatch(content_type):
            try:
                return {"body": self.body.decode(), "isBase64Encoded": False}
            except UnicodeDecodeError:
                pass
        return {"body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def error(cls, status: int, code: str) -> "Outgoing":
        """An answer of the gateway's own, with a body as our contract has it."""
        return cls(status, (("content-type", "application/json"),), json.dumps({"error": code}).encode())

    @classmethod
    def from_lambda(cls, answer: Any) -> "Outgoing":
        """Read what a function returned.

        Raises:
            TypeError, ValueError, KeyError: it is not an answer that Lambda and API Gateway would pass on.
        """
        answer = json.loads(json.dumps(answer))  # Lambda does the same: what is not JSON fails here, not in the cloud
        status, body = answer["statusCode"], answer.get("body") or ""
        if not isinstance(status, int) or not isinstance(body, str):
            raise TypeError("statusCode must be a number and body a string")
        headers = [(name.lower(), str(value)) for name, value in answer.get("headers", {}).items()]
        headers += [("set-cookie", cookie) for cookie in answer.get("cookies", ())]
        content = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
        return cls(status, tuple(headers), content)

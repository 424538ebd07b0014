"""Which AWS operation an HTTP request is, and a record of those that were made."""

import io
import json
import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import HTTPException

UNKNOWN = "unknown"
_SCOPE = re.compile(r"Credential=([^/,]+)/\d{8}/[^/]*/([^/]+)/aws4_request")
_SMALL_BODIES = {"scheduler"}  # REST services whose requests are read, too
_SECRET_BODIES = {"cognito-idp"}  # passwords are not recorded
_SECRET_PARAMETERS = {"ssm:PutParameter": {"Value"}}
_FORM = "application/x-www-form-urlencoded"
_KEPT_CALLS = 10_000
# Where the name in a signature or target differs from the name of the service's model.
_MODEL_NAMES = {
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "elasticloadbalancing": "elbv2",
    "email": "sesv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
}
_READS = ("Describe", "Get", "List", "Head", "Query", "Scan", "BatchGet", "Search", "Lookup")


@dataclass(frozen=True)
class Call:
    """One request to AWS, signed with the access key id `caller`; empty for the few that are not signed.

    `params` holds the top-level parameters as text; a list `InstanceId.1, .2` is one name. `parameters` is the same
    with everything inside them, where the request is JSON.
    """

    service: str
    operation: str
    params: Mapping[str, list[str]] = field(default_factory=dict)
    content_type: str = ""
    caller: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The call as faults are named: `ec2:StartInstances`."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True)
class CallRecord:
    """What `GET /_tl/calls` tells about one call; `write` is False for Describe, Get, List and the like.

    `caller` and `parameters` are `Call`'s: enough to say whether a policy allows the call.
    """

    service: str
    operation: str
    time: str
    status: int
    write: bool
    injected: bool
    caller: str
    parameters: Mapping[str, Any]


class CallLog:
    """The last calls, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self._records: deque[CallRecord] = deque(maxlen=_KEPT_CALLS)
        self._lock = threading.Lock()

    def add(self, call: Call, *, time: str, status: int, injected: bool) -> None:
        """Record the outcome of a call."""
        write = not call.operation.startswith(_READS)
        secret = _SECRET_PARAMETERS.get(call.name, set())
        told = {name: value for name, value in call.parameters.items() if name not in secret}
        parameters = {} if call.service in _SECRET_BODIES else told
        with self._lock:
            self._records.append(
                CallRecord(call.service, call.operation, time, status, write, injected, call.caller, parameters)
            )

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the records, ready for JSON."""
        with self._lock:
            return [asdict(record) for record in self._records]

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._records.clear()


def identify(environ: dict[str, Any]) -> Call:
    """Say which operation a request is; parts that cannot be told are `unknown`.

    Only the bodies of the RPC protocols are read (and put back): an object on its way to S3 is left alone.
    """
    service, caller = _service(environ)
    content_type = str(environ.get("CONTENT_TYPE") or "").lower()
    rpc = service != "s3" and (content_type.startswith(_FORM) or "HTTP_X_AMZ_TARGET" in environ)
    body = buffered_body(environ) if rpc or service in _SMALL_BODIES else b""
    operation, uri_params = _operation(service, environ, body)
    document = {**dict(parse_qsl(environ.get("QUERY_STRING", ""))), **uri_params, **_document(content_type, body)}
    params = {name: value if isinstance(value, list) else [str(value)] for name, value in document.items()}
    return Call(service, operation, params, content_type, caller, document)


def buffered_body(environ: dict[str, Any]) -> bytes:
    """Read the whole request body, and leave the request as if nobody had."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _service(environ: dict[str, Any]) -> tuple[str, str]:
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    caller = scope.group(1) if scope else ""
    signed = scope.group(2) if scope else target.split(".", maxsplit=1)[0]  # sign-in calls of Cognito are not signed
    if signed == "apigateway" and environ.get("PATH_INFO", "").startswith("/v2/"):
        return "apigatewayv2", caller
    return _MODEL_NAMES.get(signed, signed) or UNKNOWN, caller


def _operation(service: str, environ: dict[str, Any], body: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        # A copy, since the router reads the body of a query request and moto has to find it unread.
        operation, params = get_service_router(service).match(Request({**environ, "wsgi.input": io.BytesIO(body)}))
    except (UnknownServiceError, HTTPException, NotImplementedError):
        return UNKNOWN, {}
    return str(operation.name), params


def _document(content_type: str, body: bytes) -> dict[str, Any]:
    """What the body says: a form's fields as lists, JSON as it is."""
    if content_type.startswith(_FORM):
        form: dict[str, Any] = {}
        for name, value in parse_qsl(body.decode(errors="replace"), keep_blank_values=True):
            form.setdefault(re.sub(r"(\.member)?\.\d+$", "", name), []).append(value)
        return form
    try:
        document = json.loads(body) if body else {}
    except ValueError:  # moto answers for the malformed body
        return {}
    return document if isinstance(document, dict) else {}

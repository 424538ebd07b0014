"""The instance metadata service of one instance, IMDSv2 only: no token, no answer.

Source: the EC2 user guide, "Use the Instance Metadata Service to access instance metadata".
"""

import json
import secrets
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from werkzeug.wrappers import Request, Response

from local.aws.core.clock import Clock, system_clock
from local.aws.core.loopback import Loopback, WsgiApp

_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
_TOKEN_HEADER = "X-aws-ec2-metadata-token"
_MAX_TTL_S = 21600
_ROLES = "/latest/meta-data/iam/security-credentials"


@dataclass(frozen=True)
class Identity:
    """Who the instance is; `role` is the name of its IAM role."""

    instance_id: str
    instance_type: str
    region: str
    availability_zone: str
    image_id: str = "ami-00000000000000000"
    account_id: str = "123456789012"
    architecture: str = "x86_64"
    private_ip: str = "127.0.0.1"
    role: str = "tinyllama-gpu-node"


@dataclass(frozen=True)
class Credentials:
    """What the instance's role is given; they are always `lifetime_s` seconds from their end."""

    access_key_id: str = "ASIATESTINGTESTING00"
    secret_access_key: str = "testing"
    token: str = "testing"
    lifetime_s: int = 6 * 3600


class SpotMarket:
    """Whether EC2 wants a Spot instance back; the metadata service says so from then on."""

    def __init__(self) -> None:
        """Start without a notice."""
        self.notice: dict[str, str] | None = None

    def interrupt(self, at: datetime, action: str = "terminate") -> None:
        """Give notice; `action` is `terminate`, `stop` or `hibernate`, and `at` is two minutes away on AWS."""
        self.notice = {"action": action, "time": _stamp(at)}


def imds_app(
    identity: Identity, credentials: Credentials, clock: Clock = system_clock, spot: SpotMarket | None = None
) -> WsgiApp:
    """Return the WSGI app that is the metadata service of this instance."""
    return _Imds(identity, credentials, clock, spot or SpotMarket())


def serve_imds(
    identity: Identity,
    credentials: Credentials,
    *,
    port: int = 0,
    clock: Clock = system_clock,
    spot: SpotMarket | None = None,
) -> AbstractContextManager[Loopback]:
    """Serve it on 127.0.0.1 while the context lasts; the context's `url` is AWS_EC2_METADATA_SERVICE_ENDPOINT."""
    return Loopback(imds_app(identity, credentials, clock, spot), port)


class _Imds:
    def __init__(self, identity: Identity, credentials: Credentials, clock: Clock, spot: SpotMarket) -> None:
        self._identity, self._credentials, self._clock, self._spot = identity, credentials, clock, spot
        self._started = clock()
        self._tokens: dict[str, datetime] = {}
        self._pages = self._tree()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == "/latest/api/token":
            response = self._issue(request)
        elif request.method not in {"GET", "HEAD"}:
            response = Response(status=405)
        elif not self._authorised(request):
            response = Response(status=401)
        else:
            page = self._pages.get(request.path, lambda: None)()
            response = Response(status=404) if page is None else Response(page, content_type="text/plain")
        return response(environ, start_response)

    def _issue(self, request: Request) -> Response:
        if request.method != "PUT":
            return Response(status=405)
        if "X-Forwarded-For" in request.headers:  # a misconfigured proxy must not hand out tokens
            return Response(status=403)
        ttl = request.headers.get(_TTL_HEADER, "")
        if not (ttl.isascii() and ttl.isdigit() and 1 <= int(ttl[:6]) <= _MAX_TTL_S):
            return Response(status=400)
        token = secrets.token_urlsafe(40)
        self._tokens[token] = self._clock() + timedelta(seconds=int(ttl))
        return Response(token, content_type="text/plain", headers={_TTL_HEADER: ttl})

    def _authorised(self, request: Request) -> bool:
        now = self._clock()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        return request.headers.get(_TOKEN_HEADER, "") in self._tokens

    def _tree(self) -> dict[str, Callable[[], str | None]]:
        who = self._identity
        fixed = {
            "/latest/meta-data/ami-id": who.image_id,
            "/latest/meta-data/instance-id": who.instance_id,
            "/latest/meta-data/instance-type": who.instance_type,
            "/latest/meta-data/local-ipv4": who.private_ip,
            "/latest/meta-data/placement/availability-zone": who.availability_zone,
            "/latest/meta-data/placement/region": who.region,
            _ROLES: who.role,
            f"{_ROLES}/": who.role,
        }
        pages: dict[str, Callable[[], str | None]] = {path: partial(str, text) for path, text in fixed.items()}
        pages[f"{_ROLES}/{who.role}"] = self._role_credentials
        pages["/latest/dynamic/instance-identity/document"] = self._document
        pages["/latest/meta-data/spot/instance-action"] = self._instance_action
        return pages

    def _instance_action(self) -> str | None:
        return json.dumps(self._spot.notice) if self._spot.notice else None

    def _role_credentials(self) -> str:
        now, given = self._clock(), self._credentials
        document = {
            "Code": "Success",
            "LastUpdated": _stamp(now),
            "Type": "AWS-HMAC",
            "AccessKeyId": given.access_key_id,
            "SecretAccessKey": given.secret_access_key,
            "Token": given.token,
            "Expiration": _stamp(now + timedelta(seconds=given.lifetime_s)),
        }
        return json.dumps(document, indent=2)

    def _document(self) -> str:
        who = self._identity
        document = {
            "accountId": who.account_id,
            "architecture": who.architecture,
            "availabilityZone": who.availability_zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "imageId": who.image_id,
            "instanceId": who.instance_id,
            "instanceType": who.instance_type,
            "kernelId": None,
            "marketplaceProductCodes": None,
            "pendingTime": _stamp(self._started),
            "privateIp": who.private_ip,
            "ramdiskId": None,
            "region": who.region,
            "version": "2017-09-30",
        }
        return json.dumps(document, indent=2)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

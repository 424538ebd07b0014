"""The instance metadata service, version 2: which instance this host is, and whether EC2 wants it back.

Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata" and "Spot Instance
interruption notices", which asks for a look every 5 seconds.
The role's credentials come from it too ("Retrieve security credentials from instance metadata").
"""

import contextlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException

from tinyllama.adapters.aws_json import Keys
from tinyllama.domain.errors import NodeError

_TIMEOUT_S = 2.0
_SESSION_S = 21_600  # the longest there is


@dataclass(frozen=True, slots=True)
class Identity:
    """The instance this code runs on, its region, and when it was last started (seconds since the epoch)."""

    instance_id: str
    region: str
    started_at: float


@dataclass(frozen=True, slots=True)
class Interruption:
    """EC2 wants this Spot instance back: what it does (`terminate`, `stop`, `hibernate`), and when (ISO 8601)."""

    action: str
    at: str


class Metadata:
    """The service at `endpoint`, by default `AWS_EC2_METADATA_SERVICE_ENDPOINT`, or where EC2 has it."""

    def __init__(self, endpoint: str = "") -> None:
        base = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254"
        self._base = base.rstrip("/")
        self._token = ""

    def identity(self) -> Identity:
        """Ask who we are.

        Raises:
            NodeError: the service does not answer, or refuses.
        """
        with self._complaints("identity"):
            document = json.loads(self._get("/latest/dynamic/instance-identity/document"))
            # Rebooting the operating system does not change it, unlike the uptime.
            started_at = datetime.fromisoformat(document["pendingTime"]).timestamp()
            return Identity(document["instanceId"], document["region"], started_at)

    def keys(self) -> Keys:
        """Ask for the role's credentials; they hold for minutes to hours.

        Raises:
            NodeError: there is no role, or the service does not answer, or refuses.
        """
        with self._complaints("credentials of a role"):
            roles = "/latest/meta-data/iam/security-credentials/"
            document = json.loads(self._get(roles + self._get(roles).split()[0]))
            if document["Code"] != "Success":
                raise ValueError(f"{document['Code']}: {document.get('Message', 'no message')}")
            return Keys(document["AccessKeyId"], document["SecretAccessKey"], document["Token"])

    def interruption(self) -> Interruption | None:
        """Ask whether EC2 wants the instance back; one request, but every six hours two.

        Raises:
            NodeError: the service does not answer, or refuses.
        """
        with self._complaints("Spot notice"):
            try:
                document = json.loads(self._get("/latest/meta-data/spot/instance-action"))
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.NOT_FOUND:
                    raise
                return None
            return Interruption(str(document["action"]), str(document["time"]))

    def _get(self, path: str) -> str:
        try:
            return self._ask(path, "GET", {"X-aws-ec2-metadata-token": self._token or self._renew()})
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.UNAUTHORIZED:
                raise
        return self._ask(path, "GET", {"X-aws-ec2-metadata-token": self._renew()})

    def _renew(self) -> str:
        self._token = self._ask("/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": str(_SESSION_S)})
        return self._token

    def _ask(self, path: str, method: str, headers: dict[str, str]) -> str:
        # The address comes from the environment.
        request = urllib.request.Request(self._base + path, method=method, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            text: str = answer.read().decode()
        return text

    @contextlib.contextmanager
    def _complaints(self, wanted: str) -> Iterator[None]:
        try:
            yield
        except (OSError, HTTPException, ValueError, LookupError) as error:
            message = f"no {wanted} from the metadata service at {self._base}: {error}"
            raise NodeError("MetadataUnavailable", message) from error


def identity(endpoint: str = "") -> Identity:
    """Ask once who we are. Raises `NodeError`."""
    return Metadata(endpoint).identity()

"""The instance metadata service, version 2: which instance this host is.

Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata".
Credentials come from it too, through boto3's own chain.
"""

import json
import os
import urllib.request
from dataclasses import dataclass
from datetime import datetime

from tinyllama.domain.errors import NodeError

_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Identity:
    """The instance this code runs on, its region, and when it was last started (seconds since the epoch)."""

    instance_id: str
    region: str
    started_at: float


def identity(endpoint: str = "") -> Identity:
    """Ask who we are, at `AWS_EC2_METADATA_SERVICE_ENDPOINT` by default.

    Raises:
        NodeError: the service does not answer, or refuses.
    """
    base = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254"
    base = base.rstrip("/")
    try:
        token = _ask(f"{base}/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        path = "/latest/dynamic/instance-identity/document"
        document = json.loads(_ask(base + path, "GET", {"X-aws-ec2-metadata-token": token}))
        # Rebooting the operating system does not change it, unlike the uptime.
        started_at = datetime.fromisoformat(document["pendingTime"]).timestamp()
        return Identity(document["instanceId"], document["region"], started_at)
    except (OSError, ValueError, LookupError) as error:
        raise NodeError("MetadataUnavailable", f"no identity from the metadata service at {base}: {error}") from error


def _ask(url: str, method: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 -- an address of the environment
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        text: str = answer.read().decode()
    return text

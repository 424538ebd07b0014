"""S3 evaluates a bucket's policy with its conditions; moto takes a statement whose condition fails for a denial.

Loopback counts as TLS (`aws:SecureTransport`), or a bucket that insists on TLS could not be used here. The caller is
the account itself. Only reads and writes of objects are evaluated, as in moto. Names are unique across accounts; only
its own account may know whether there is a bucket (`HeadBucket`).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import AccessDeniedByLock
from moto.s3.models import FakeBucket, S3Backend

from local.aws.core.seam import replaced
from local.aws.policy import AccessRequest, Decision, decide

_RESULTS = {
    Decision.ALLOW: PermissionResult.PERMITTED,
    Decision.DENY: PermissionResult.DENIED,
    Decision.NOT_MENTIONED: PermissionResult.NEUTRAL,
}


@contextmanager
def installed() -> Iterator[None]:
    """Evaluate bucket policies in full for as long as the context lasts."""
    with (
        replaced(FakeBucket, "get_permission", _get_permission),
        replaced(S3Backend, "head_bucket", _head_bucket),
    ):
        yield


def _get_permission(bucket: Any, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    context = {"aws:securetransport": "true", "aws:principalaccount": bucket.account_id}
    request = AccessRequest(action, resource, context, principal=f"arn:aws:iam::{bucket.account_id}:root")
    return _RESULTS[decide([json.loads(bucket.policy)], request)]


def _head_bucket(backend: Any, bucket_name: str) -> Any:
    found = backend.get_bucket(bucket_name)
    if bucket_name not in backend.buckets:
        raise AccessDeniedByLock  # 403
    return found

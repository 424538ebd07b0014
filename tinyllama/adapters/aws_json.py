"""Signed calls to the AWS services that speak JSON over HTTP (DynamoDB, SQS, SSM, CloudWatch Logs), without boto3.

botocore signs and urllib3 carries; what boto3 adds (service models, waiters, pages) costs a Lambda function more CPU at
its start, and in each call, than all the rest of a request (docs/adr/0035).
"""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, cast

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from tinyllama.domain.errors import QueueUnavailableError

_TARGETS = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS", "logs": "Logs_20140328", "ssm": "AmazonSSM"}
_VERSIONS = {"logs": "1.1", "ssm": "1.1"}
_REPEATABLE = frozenset(
    {
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:TransactWriteItems",  # by its token
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:SendMessage",  # a second message about a job does no harm
        "ssm:GetParameter",
        "ssm:GetParametersByPath",
        "ssm:PutParameter",  # with the same value
    }
)
_BUSY = frozenset({"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"})


class AwsError(Exception):
    """A refusal that the caller may have asked for; `code` is AWS's, `details` the rest of the body."""

    def __init__(self, code: str, details: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {details.get('message') or details.get('Message') or ''}")
        self.code = code
        self.details = details


class Keys(NamedTuple):
    """Credentials, by the names that botocore's signer expects."""

    access_key: str
    secret_key: str
    token: str | None


class AwsJson:
    """Calls services in one region; safe to use from several threads.

    `timeout_s` bounds connecting, and each answer. What failed on the way, or is throttled, is tried once more if
    it may be repeated. Endpoints: `AWS_ENDPOINT_URL_DYNAMODB` and the like, then `AWS_ENDPOINT_URL`, then AWS's own.
    """

    def __init__(
        self, region: str, *, timeout_s: float, keys: Callable[[], Keys] | None = None, endpoint_url: str | None = None
    ) -> None:
        self._region = region
        self._urls = {service: address(service, region, endpoint_url) for service in _TARGETS}
        self._timeout_s = timeout_s
        self._keys = keys or _found_keys
        self._pool = urllib3.PoolManager(maxsize=16, retries=False)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], *, wait_s: float = 0.0) -> Any:
        """The answer's document; `wait_s` is how much longer than usual the service may take.

        Raises:
            AwsError: the service refused the request, with status 400.
            QueueUnavailableError: no answer, a busy or broken service, or credentials that it does not accept.
        """
        if operation == "TransactWriteItems":
            parameters = {"ClientRequestToken": str(uuid.uuid4()), **parameters}
        body = json.dumps(parameters).encode()
        try:
            return self._once(service, operation, body, wait_s)
        except QueueUnavailableError:
            if f"{service}:{operation}" not in _REPEATABLE:
                raise
        return self._once(service, operation, body, wait_s)

    def _once(self, service: str, operation: str, body: bytes, wait_s: float) -> Any:
        url = self._urls[service]
        request = AWSRequest(method="POST", url=url, data=body, headers=_headers(service, operation))
        try:
            headers = signed(request, self._keys(), service=service, region=self._region)
            timeout = urllib3.Timeout(connect=self._timeout_s, read=self._timeout_s + wait_s)
            answer = self._pool.request("POST", url, body=body, headers=headers, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise QueueUnavailableError(f"{service}: {type(error).__name__}: {error}") from error
        return _document(service, answer.status, answer.data)

    def close(self) -> None:
        """Let go of connections."""
        self._pool.clear()


def _headers(service: str, operation: str) -> dict[str, str]:
    version = _VERSIONS.get(service, "1.0")
    return {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": f"{_TARGETS[service]}.{operation}"}


def _document(service: str, status: int, data: bytes) -> Any:
    try:
        document: Any = json.loads(data) if data else {}
    except ValueError:
        document = {"message": data[:200].decode(errors="replace")}
    if status == 200:
        return document
    code = str(document.get("__type", "")).rpartition("#")[2]
    error = AwsError(code, document)
    if status == 400 and code not in _BUSY:
        raise error
    raise QueueUnavailableError(f"{service} answered {status}: {error}")


def signed(request: AWSRequest, keys: Keys, *, service: str, region: str) -> dict[str, str]:
    """The request's headers with those that prove who sends it (Signature Version 4, by botocore)."""
    SigV4Auth(cast("Any", keys), service, region).add_auth(request)
    return dict(request.headers.items())


def address(service: str, region: str, given: str | None = None) -> str:
    """Where a service is: `given`, `AWS_ENDPOINT_URL_SERVICE`, `AWS_ENDPOINT_URL`, or AWS's own, with a slash."""
    own = given or os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    # Inside the VPC there is a way out by IPv6 only (decision 4).
    dual = os.environ.get("AWS_USE_DUALSTACK_ENDPOINT", "").lower() == "true"
    return (own or f"https://{service}.{region}.{'api.aws' if dual else 'amazonaws.com'}").rstrip("/") + "/"


def keys_in_environment() -> Keys | None:
    """Credentials as Lambda gives them, for as long as the container may live; None where there are none."""
    env = os.environ.get
    key = env("AWS_ACCESS_KEY_ID")
    return Keys(key, env("AWS_SECRET_ACCESS_KEY", ""), env("AWS_SESSION_TOKEN") or None) if key else None


def _found_keys() -> Keys:
    return keys_in_environment() or _keys_of_the_host()


def _keys_of_the_host() -> Keys:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 -- a Lambda function needs none of this

    try:
        credentials = _provider()
        frozen = credentials.get_frozen_credentials() if credentials else None
    except BotoCoreError as error:
        raise QueueUnavailableError(f"credentials: {error}") from error
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        raise QueueUnavailableError("no AWS credentials: give the instance a role, or set AWS_ACCESS_KEY_ID")
    return Keys(frozen.access_key, frozen.secret_key, frozen.token)


@cache
def _provider() -> Any:
    import botocore.session  # noqa: PLC0415

    return botocore.session.get_session().get_credentials()

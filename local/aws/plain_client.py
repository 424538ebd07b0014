"""Calls to the local AWS without boto3, whose import and models take longer than all that a start has to ask for.

Not signed, which the local AWS does not look at; it only has to learn which service is meant, where, and by whom.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from local.http_link import Answer, HttpLink

PATIENCE_S = 30.0
_TARGETS = {
    "cognito-idp": ("AWSCognitoIdentityProviderService", "1.1"),
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "sqs": ("AmazonSQS", "1.0"),
    "ssm": ("AmazonSSM", "1.1"),
}
_VERSIONS = {"ec2": "2016-11-15", "iam": "2010-05-08"}


class PlainClient:
    """One service: operations by boto3's names, parameters by those on the wire (`TagSpecification.1.ResourceType`).

    Services that speak JSON answer with the document, EC2 and IAM with the root of theirs, whose elements have a
    namespace. What is refused raises `RuntimeError`.
    """

    def __init__(self, link: HttpLink, service: str, region: str) -> None:
        self._link, self._service = link, service
        scope = f"testing/20260101/{region}/{service}/aws4_request"
        self._headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = self._ask_json if self._service in _TARGETS else self._ask_form
        return partial(call, "".join(word.capitalize() for word in operation.split("_")))

    def _ask_json(self, operation: str, **parameters: Any) -> dict[str, Any]:
        target, version = _TARGETS[self._service]
        kind = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": f"{target}.{operation}"}
        return self.send("POST", "/", json.dumps(parameters), kind).json()

    def _ask_form(self, operation: str, **parameters: str) -> ET.Element:
        form = {"Action": operation, "Version": _VERSIONS[self._service], **parameters}
        kind = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return ET.fromstring(self.send("POST", "/", urlencode(form), kind).body)  # noqa: S314 -- our own server's

    def send(self, method: str, path: str, body: str, headers: dict[str, str] | None = None) -> Answer:
        """A request as it is, for a service that has neither protocol: S3."""
        answer = self._link.ask(method, path, self._headers | (headers or {}), body.encode())
        if answer.status != 200:
            raise RuntimeError(f"the local AWS refused {self._service}, {path}: {answer.status} {answer.body!r}")
        return answer

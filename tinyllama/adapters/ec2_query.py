"""EC2's Query API by signed forms, without boto3: for a process that asks once and ends (docs/adr/0063).

Source: Amazon EC2 API Reference, "Query requests" and "Error codes". What is tried again, and after how long, is
botocore's standard mode.
"""

import contextlib
import random
import time
from collections.abc import Callable, Mapping
from typing import NoReturn
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import urllib3
from botocore.awsrequest import AWSRequest

from tinyllama.adapters.aws_json import Keys, address, signed
from tinyllama.domain.errors import NodeError

_VERSION = "2016-11-15"
_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_BUSY = frozenset(
    {"EC2ThrottledException", "RequestLimitExceeded", "RequestTimeout", "Throttling", "ThrottlingException"}
)


class Ec2Query:
    """Asks EC2 in one region, with `keys`; `timeout_s` bounds connecting, and each answer.

    What fails on the way, is throttled, or is EC2's own fault is tried up to `attempts` times, so only actions that may
    be repeated belong here. `pause` waits for so many seconds.
    """

    def __init__(
        self,
        region: str,
        keys: Keys,
        *,
        timeout_s: float = 5.0,
        attempts: int = 3,
        endpoint_url: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.region = region
        self._keys, self._attempts, self._pause = keys, attempts, pause
        self._url = _usable(address("ec2", region, endpoint_url))
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout_s)

    def ask(self, action: str, parameters: Mapping[str, str]) -> ET.Element:
        """The root of EC2's answer, whose elements all have a namespace.

        Raises:
            NodeError: with EC2's code, or botocore's word for what went wrong on the way there.
        """
        body = urlencode({"Action": action, "Version": _VERSION, **parameters})
        for failures in range(self._attempts - 1):
            try:
                return self._once(body)
            except _MayPassError:
                self._pause(random.uniform(0, 2**failures))  # noqa: S311 -- spreads load, guards nothing
        return self._once(body)

    def _once(self, body: str) -> ET.Element:
        # Signed anew each time: a signature holds for five minutes.
        request = AWSRequest(method="POST", url=self._url, data=body, headers=_FORM)
        headers = signed(request, self._keys, service="ec2", region=self.region)
        try:
            answer = self._pool.request("POST", self._url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            unreachable = isinstance(error, urllib3.exceptions.NewConnectionError)
            code = "EndpointConnectionError" if unreachable else type(error).__name__
            raise _MayPassError(code, str(error)) from error
        if answer.status != 200:
            _refuse(answer.status, answer.data)
        return _document(answer.status, answer.data)


def _usable(url: str) -> str:
    with contextlib.suppress(ValueError):  # an address such as "http://["
        if urlsplit(url).hostname:
            return url
    raise NodeError("InvalidEndpoint", f"{url} is no URL: see AWS_ENDPOINT_URL")


class _MayPassError(NodeError):
    """Worth another try."""


def _refuse(status: int, data: bytes) -> NoReturn:
    try:
        error = _document(status, data).find(".//{*}Error")
    except NodeError:
        error = None
    code = (error.findtext("{*}Code") if error is not None else None) or str(status)
    message = (error.findtext("{*}Message") if error is not None else None) or "no message"
    raise (_MayPassError if status >= 500 or code in _BUSY else NodeError)(code, message)


def _document(status: int, data: bytes) -> ET.Element:
    try:
        return ET.fromstring(data)  # noqa: S314 -- from AWS itself, over TLS
    except ET.ParseError as error:
        raise NodeError("UnexpectedAnswer", f"EC2 answered {status} with what is no XML: {error}") from error

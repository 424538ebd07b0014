"""A look at our instances without boto3, for runs that end up changing nothing.

Loading boto3 and its description of EC2 takes longer than all the rest of such a run (docs/adr/0051). Only
`DescribeInstances` is asked for here; everything else, and every answer that is not plainly good, is left to boto3.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from tinyllama.adapters.aws_json import Keys

_VERSION = "2016-11-15"
_SPECIAL = ("AWS_PROFILE", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT")
"""Settings that boto3 understands and this does not."""


class QuickEc2:
    """As much of boto3's EC2 client as `Ec2Nodes` uses; `load` makes the real one when that is needed."""

    def __init__(self, load: Callable[[], Any], region: str, url: str, keys: Keys, timeout_s: float) -> None:
        self._load, self._loaded = load, None
        self._region, self._url, self._keys = region, url, keys
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout_s)
        self.meta = SimpleNamespace(region_name=region)

    def __getattr__(self, name: str) -> Any:
        """Any other call is boto3's."""
        self._loaded = self._loaded or self._load()
        return getattr(self._loaded, name)

    def get_paginator(self, name: str) -> Any:
        """Pages of `describe_instances` are read here."""
        quick = name == "describe_instances" and self._loaded is None
        return SimpleNamespace(paginate=self._paginate) if quick else self.__getattr__("get_paginator")(name)

    def _paginate(self, **wanted: Any) -> Sequence[Mapping[str, Any]]:
        try:
            return list(self._pages(wanted["Filters"]))
        except (urllib3.exceptions.HTTPError, ET.ParseError, ValueError):
            # boto3 tries again, and knows how to say what is wrong.
            pages: Sequence[Mapping[str, Any]] = list(
                self.__getattr__("get_paginator")("describe_instances").paginate(**wanted)
            )
            return pages

    def _pages(self, filters: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        token: str | None = ""
        while token is not None:
            root = self._ask(_form(filters, token))
            yield {"Reservations": [_reservation(group) for group in root.iterfind("{*}reservationSet/{*}item")]}
            token = root.findtext("{*}nextToken") or None

    def _ask(self, form: Mapping[str, str]) -> ET.Element:
        body = urlencode(form)
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = AWSRequest(method="POST", url=self._url, data=body, headers=headers)
        SigV4Auth(cast("Any", self._keys), "ec2", self._region).add_auth(request)
        answer = self._pool.request("POST", self._url, body=body, headers=dict(request.headers.items()))
        if answer.status != 200:
            raise ValueError(f"EC2 answered {answer.status}")
        return ET.fromstring(answer.data)  # noqa: S314 -- from AWS itself, over TLS


def quick(load: Callable[[], Any], *, region: str | None, endpoint_url: str | None, timeout_s: float) -> Any:
    """A `QuickEc2` where the environment is plain enough to be understood without boto3, else what `load` makes."""
    env = os.environ.get
    place = region or env("AWS_REGION") or env("AWS_DEFAULT_REGION") or ""
    key, secret = env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")
    if not (place and key and secret) or place.startswith(("cn-", "us-gov-")) or any(env(name) for name in _SPECIAL):
        return load()
    url = endpoint_url or env("AWS_ENDPOINT_URL_EC2") or env("AWS_ENDPOINT_URL")
    if url and not urlsplit(url).netloc:
        return load()
    return QuickEc2(
        load,
        place,
        (url or f"https://ec2.{place}.amazonaws.com").rstrip("/") + "/",
        Keys(key, secret, env("AWS_SESSION_TOKEN") or None),
        timeout_s,
    )


def _form(filters: Sequence[Mapping[str, Any]], token: str) -> dict[str, str]:
    form = {"Action": "DescribeInstances", "Version": _VERSION}
    for number, wanted in enumerate(filters, 1):
        form[f"Filter.{number}.Name"] = wanted["Name"]
        form |= {f"Filter.{number}.Value.{place}": value for place, value in enumerate(wanted["Values"], 1)}
    return form | ({"NextToken": token} if token else {})


def _reservation(group: ET.Element) -> dict[str, Any]:
    instances = [_instance(item) for item in group.iterfind("{*}instancesSet/{*}item")]
    return {"OwnerId": _text(group, "ownerId"), "Instances": instances}


def _instance(item: ET.Element) -> dict[str, Any]:
    tags = item.iterfind("{*}tagSet/{*}item")
    return {
        "InstanceId": _text(item, "instanceId"),
        "InstanceType": _text(item, "instanceType"),
        "State": {"Name": _text(item, "instanceState/{*}name")},
        "StateTransitionReason": item.findtext("{*}reason") or "",
        "LaunchTime": datetime.fromisoformat(_text(item, "launchTime")),
        "Placement": {"AvailabilityZone": _text(item, "placement/{*}availabilityZone")},
        "Architecture": _text(item, "architecture"),
        "Tags": [{"Key": _text(tag, "key"), "Value": tag.findtext("{*}value") or ""} for tag in tags],
    }


def _text(element: ET.Element, path: str) -> str:
    found = element.findtext("{*}" + path)
    if found is None:
        raise ValueError(f"EC2's answer has no {path}")
    return found

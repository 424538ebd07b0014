"""Looks at our instances, and stops them, without boto3: for runs that change nothing, or do that alone.

Loading boto3 and its description of EC2 takes longer than all the rest of such a run (docs/adr/0051, 0063). Every
other call is left to boto3.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

from tinyllama.adapters.aws_json import Keys, keys_in_environment
from tinyllama.adapters.ec2_query import Ec2Query
from tinyllama.domain.errors import NodeError

_SPECIAL = ("AWS_PROFILE", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT")
"""Settings that boto3 understands and this does not."""


class QuickEc2:
    """As much of boto3's EC2 client as `Ec2Nodes` uses; `load` makes the real one when that is needed."""

    def __init__(self, load: Callable[[], Any], query: Ec2Query) -> None:
        self._load, self._loaded = load, None
        self._query = query
        self.meta = SimpleNamespace(region_name=query.region)

    def __getattr__(self, name: str) -> Any:
        """Any other call is boto3's."""
        self._loaded = self._loaded or self._load()
        return getattr(self._loaded, name)

    def stop_instances(self, *, InstanceIds: Sequence[str]) -> None:  # noqa: N803 -- boto3's name
        """Tell them to stop; what they were before is not read."""
        self._query.ask("StopInstances", {f"InstanceId.{number}": one for number, one in enumerate(InstanceIds, 1)})

    def get_paginator(self, name: str) -> Any:
        """Pages of `describe_instances` are read here."""
        quick = name == "describe_instances"
        return SimpleNamespace(paginate=self._pages) if quick else self.__getattr__("get_paginator")(name)

    def _pages(self, *, Filters: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:  # noqa: N803 -- boto3's
        token: str | None = ""
        while token is not None:
            root = self._query.ask("DescribeInstances", _filtered(Filters, token))
            yield {"Reservations": [_reservation(group) for group in root.iterfind("{*}reservationSet/{*}item")]}
            token = root.findtext("{*}nextToken") or None


def quick(
    load: Callable[[], Any],
    *,
    region: str | None,
    timeout_s: float,
    endpoint_url: str | None = None,
    keys: Keys | None = None,
) -> Any:
    """A `QuickEc2` where the environment is plain enough to be understood without boto3, else what `load` makes.

    `keys` stand in for `AWS_ACCESS_KEY_ID` and its like.
    """
    env = os.environ.get
    place = region or env("AWS_REGION") or env("AWS_DEFAULT_REGION") or ""
    keys = keys or keys_in_environment()
    plain = place and not place.startswith(("cn-", "us-gov-")) and not any(env(name) for name in _SPECIAL)
    if not (plain and keys and keys.secret_key):
        return load()
    return QuickEc2(load, Ec2Query(place, keys, timeout_s=timeout_s, endpoint_url=endpoint_url))


def _filtered(filters: Sequence[Mapping[str, Any]], token: str) -> dict[str, str]:
    form = {"NextToken": token} if token else {}
    for number, wanted in enumerate(filters, 1):
        form[f"Filter.{number}.Name"] = wanted["Name"]
        form |= {f"Filter.{number}.Value.{place}": value for place, value in enumerate(wanted["Values"], 1)}
    return form


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
        raise NodeError("UnexpectedAnswer", f"EC2's answer has no {path}")
    return found

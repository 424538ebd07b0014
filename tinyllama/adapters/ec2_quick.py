"""Looks at instances and their types, and stops them, without boto3: for runs that change nothing, or do that alone.

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
        self._query.ask("StopInstances", _numbered("InstanceId", InstanceIds))

    def describe_instance_types(self, *, InstanceTypes: Sequence[str]) -> Mapping[str, Any]:  # noqa: N803 -- boto3's name
        """What they can run."""
        root = self._query.ask("DescribeInstanceTypes", _numbered("InstanceType", InstanceTypes))
        return {"InstanceTypes": [_type(item) for item in root.iterfind("{*}instanceTypeSet/{*}item")]}

    def describe_instance_type_offerings(
        self,
        *,
        LocationType: str,  # noqa: N803 -- boto3's names
        Filters: Sequence[Mapping[str, Any]],  # noqa: N803
    ) -> Mapping[str, Any]:
        """Which are to be had where, on the first page of the answer."""
        wanted = {"LocationType": LocationType, **_filtered(Filters)}
        found = self._query.ask("DescribeInstanceTypeOfferings", wanted).iterfind("{*}instanceTypeOfferingSet/{*}item")
        return {
            "InstanceTypeOfferings": [
                {"InstanceType": _text(one, "instanceType"), "Location": _text(one, "location")} for one in found
            ]
        }

    def get_paginator(self, name: str) -> Any:
        """Pages of `describe_instances` are read here."""
        quick = name == "describe_instances"
        return SimpleNamespace(paginate=self._pages) if quick else self.__getattr__("get_paginator")(name)

    def _pages(self, *, Filters: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:  # noqa: N803 -- boto3's
        token: str | None = ""
        while token is not None:
            root = self._query.ask("DescribeInstances", _filtered(Filters) | ({"NextToken": token} if token else {}))
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


def _numbered(name: str, values: Sequence[str]) -> dict[str, str]:
    return {f"{name}.{number}": value for number, value in enumerate(values, 1)}


def _filtered(filters: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    form = {}
    for number, wanted in enumerate(filters, 1):
        form[f"Filter.{number}.Name"] = wanted["Name"]
        form |= _numbered(f"Filter.{number}.Value", wanted["Values"])
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
        "StateReason": {"Code": item.findtext("{*}stateReason/{*}code") or ""},
        "LaunchTime": datetime.fromisoformat(_text(item, "launchTime")),
        "Placement": {"AvailabilityZone": _text(item, "placement/{*}availabilityZone")},
        "Architecture": _text(item, "architecture"),
        "Tags": [{"Key": _text(tag, "key"), "Value": tag.findtext("{*}value") or ""} for tag in tags],
    }


def _type(item: ET.Element) -> dict[str, Any]:
    able = item.iterfind("{*}processorInfo/{*}supportedArchitectures/{*}item")
    return {
        "InstanceType": _text(item, "instanceType"),
        "ProcessorInfo": {"SupportedArchitectures": [one.text for one in able]},
    }


def _text(element: ET.Element, path: str) -> str:
    found = element.findtext("{*}" + path)
    if found is None:
        raise NodeError("UnexpectedAnswer", f"EC2's answer has no {path}")
    return found

"""Our nodes on EC2, found by their tags."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import NODE_TAGS, Node, NodeState
from tinyllama.domain.resize import NodeFacts

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import (
        DescribeInstancesResultTypeDef,
        FilterTypeDef,
        InstanceTypeDef,
        ReservationTypeDef,
    )

_FILTERS: "list[FilterTypeDef]" = [{"Name": f"tag:{key}", "Values": [value]} for key, value in NODE_TAGS.items()]
_STOPPED_AT = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)")
_FROM_WITHIN = "Client.InstanceInitiatedShutdown"


def connect(
    *, region: str | None = None, endpoint_url: str | None = None, timeout_s: float = 5.0, attempts: int = 3
) -> "EC2Client":
    """A client; region, endpoint and credentials come from the environment unless given. Raises `NodeError`."""
    import boto3  # noqa: PLC0415 -- slow to import, and a look may do without (`ec2_quick`)
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=timeout_s, read_timeout=timeout_s, retries={"mode": "standard", "total_max_attempts": attempts}
    )
    try:
        with node_errors():
            return boto3.client("ec2", config=config, region_name=region, endpoint_url=endpoint_url)
    except ValueError as error:  # how botocore refuses an endpoint that is no URL
        raise NodeError("InvalidEndpoint", str(error)) from error


@contextmanager
def node_errors() -> Iterator[None]:
    """What boto3 raises, as `NodeError`."""
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"]
        raise NodeError(reason.get("Code", "Unknown"), reason.get("Message", "no message")) from error
    except BotoCoreError as error:
        raise NodeError(type(error).__name__, str(error)) from error


class Ec2Nodes:
    """`NodeControl` and `NodeShapes` on EC2."""

    def __init__(self, client: "EC2Client") -> None:
        self._client = client
        self._seen: dict[str, tuple[ReservationTypeDef, InstanceTypeDef]] = {}

    def nodes(self) -> Sequence[Node]:
        with node_errors():
            pages = self._client.get_paginator("describe_instances").paginate(Filters=_FILTERS)
            self._seen = {one["InstanceId"]: (group, one) for page in pages for group, one in _grouped(page)}
        return tuple(_node(instance) for _, instance in self._seen.values())

    def start(self, node_id: str) -> bool:
        with node_errors():
            changes = self._client.start_instances(InstanceIds=[node_id])["StartingInstances"]
        return any(change["PreviousState"]["Name"] == "stopped" for change in changes)

    def stop(self, node_id: str) -> None:
        with node_errors():
            self._client.stop_instances(InstanceIds=[node_id])

    def set_type(self, node_id: str, instance_type: str) -> None:
        with node_errors():
            self._client.modify_instance_attribute(InstanceId=node_id, InstanceType={"Value": instance_type})

    def facts(self, node_id: str) -> NodeFacts:
        # What a node is called and where it is does not change: one look is enough.
        group, instance = self._seen.get(node_id) or self._look_up(node_id)
        return NodeFacts(
            name=next((tag["Value"] for tag in instance.get("Tags", ()) if tag["Key"] == "Name"), ""),
            account=group["OwnerId"],
            region=self._client.meta.region_name,
            zone=instance["Placement"]["AvailabilityZone"],
            architecture=instance["Architecture"],
        )

    def _look_up(self, node_id: str) -> "tuple[ReservationTypeDef, InstanceTypeDef]":
        with node_errors():
            return next(iter(_grouped(self._client.describe_instances(InstanceIds=[node_id]))))

    def architectures(self, instance_type: str) -> frozenset[str]:
        with node_errors():
            found = self._client.describe_instance_types(InstanceTypes=[instance_type])  # type: ignore[list-item]
        return frozenset(found["InstanceTypes"][0]["ProcessorInfo"]["SupportedArchitectures"])

    def offered(self, instance_type: str, zone: str) -> bool:
        wanted: list[FilterTypeDef] = [
            {"Name": "instance-type", "Values": [instance_type]},
            {"Name": "location", "Values": [zone]},
        ]
        with node_errors():
            found = self._client.describe_instance_type_offerings(LocationType="availability-zone", Filters=wanted)
        return bool(found["InstanceTypeOfferings"])


def _grouped(
    page: "DescribeInstancesResultTypeDef",
) -> "Iterator[tuple[ReservationTypeDef, InstanceTypeDef]]":
    """The instances of an answer, each with its reservation."""
    return ((group, instance) for group in page["Reservations"] for instance in group["Instances"])


def _node(instance: "InstanceTypeDef") -> Node:
    state = NodeState(instance["State"]["Name"])
    itself = instance.get("StateReason", {}).get("Code") == _FROM_WITHIN
    return Node(
        id=instance["InstanceId"],
        state=state,
        instance_type=instance["InstanceType"],
        launched_at=instance["LaunchTime"].timestamp(),
        stopped_at=_stopped_at(instance.get("StateTransitionReason", "")) if state is NodeState.STOPPED else None,
        stopped_itself=state is NodeState.STOPPED and itself,
    )


def _stopped_at(reason: str) -> float | None:
    # EC2 has no field for it, only this text: "User initiated (2026-01-01 12:00:00 GMT)".
    found = _STOPPED_AT.search(reason)
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() if found else None

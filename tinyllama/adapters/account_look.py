"""The account as `tinyllama.doctor` looks at it: AWS calls that read, and never one that writes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.adapters.scheduler_leases import SchedulerLeases
from tinyllama.domain.account import Address, Disk, Function, LookError, Machine, Picture, Snapshot
from tinyllama.domain.errors import LeaseError

PAGE = 200
"""Things that one call asks for; EC2 gives up to 1,000."""
_NO_VALUE = "NoSuchResourceException"
"""What AWS says of a quota that nobody has ever changed in the account; its default holds then."""
_CONFIG = Config(connect_timeout=3, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3})


@contextmanager
def _look_errors(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"]
        raise LookError(f"{what}: {reason.get('Code', 'Unknown')}: {reason.get('Message', 'no message')}") from error
    except BotoCoreError as error:
        raise LookError(f"{what}: {type(error).__name__}: {error}") from error


class AwsAccount:
    """`Account` by boto3; region, endpoint and credentials come from the environment unless given."""

    def __init__(self, *, region: str | None = None, endpoint_url: str | None = None) -> None:
        """Raises `LookError` when there is no region."""
        self._place = {"region_name": region, "endpoint_url": endpoint_url}
        self._clients: dict[str, Any] = {}
        with _look_errors("set AWS_REGION, or the profile's region"):
            self._region = str(self._client("ec2").meta.region_name)

    @property
    def region(self) -> str:
        return self._region

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, config=_CONFIG, **self._place)  # type: ignore[call-overload]
        return self._clients[service]

    def _call(self, service: str, operation: str, **given: Any) -> Any:
        with _look_errors(f"{service} {operation}"):
            return getattr(self._client(service), operation)(**given)

    def _all(self, service: str, operation: str, key: str, **given: Any) -> list[Mapping[str, Any]]:
        with _look_errors(f"{service} {operation}"):
            pages = self._client(service).get_paginator(operation).paginate(**given)
            return [one for page in pages for one in page[key]]

    def number(self) -> str:
        return str(self._call("sts", "get_caller_identity")["Account"])

    def quota(self, service: str, code: str) -> float:
        asked = {"ServiceCode": service, "QuotaCode": code}
        try:
            found = self._call("service-quotas", "get_service_quota", **asked)
        except LookError as error:
            if _NO_VALUE not in str(error):
                raise
            found = self._call("service-quotas", "get_aws_default_service_quota", **asked)
        return float(found["Quota"]["Value"])

    def functions(self) -> Sequence[Function]:
        found = self._all("lambda", "list_functions", "Functions")
        return [Function(one["FunctionName"], one.get("Runtime", "")) for one in found]

    def redis_versions(self) -> Mapping[str, str]:
        found = self._all("elasticache", "describe_cache_clusters", "CacheClusters")
        return {one["CacheClusterId"]: one["EngineVersion"] for one in found if one.get("Engine") == "redis"}

    def machines(self) -> Sequence[Machine]:
        groups = self._all("ec2", "describe_instances", "Reservations", PaginationConfig={"PageSize": PAGE})
        return [
            Machine(one["InstanceId"], _tags(one), one["State"]["Name"], one["InstanceType"], one.get("ImageId", ""))
            for group in groups
            for one in group["Instances"]
        ]

    def disks(self) -> Sequence[Disk]:
        found = self._all("ec2", "describe_volumes", "Volumes", PaginationConfig={"PageSize": PAGE})
        return [
            Disk(
                one["VolumeId"],
                _tags(one),
                one["Size"],
                one.get("VolumeType", ""),
                next((each["InstanceId"] for each in one.get("Attachments", ()) if each.get("InstanceId")), ""),
            )
            for one in found
        ]

    def addresses(self) -> Sequence[Address]:
        found = self._call("ec2", "describe_addresses")["Addresses"]  # EC2 has no pages of these
        return [
            Address(
                one.get("AllocationId", one["PublicIp"]), _tags(one), one["PublicIp"], bool(one.get("AssociationId"))
            )
            for one in found
        ]

    def snapshots(self) -> Sequence[Snapshot]:
        pages = {"PageSize": PAGE}
        found = self._all("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], PaginationConfig=pages)
        return [Snapshot(one["SnapshotId"], _tags(one), one["VolumeSize"]) for one in found]

    def images(self) -> Sequence[Picture]:
        pages = {"PageSize": PAGE}
        found = self._all("ec2", "describe_images", "Images", Owners=["self"], PaginationConfig=pages)
        return [_picture(one) for one in found]

    def image_labels(self, ids: Sequence[str]) -> Mapping[str, str]:
        found = self._named(ids)
        bases = self._named(sorted({one.tags["Base"] for one in found if one.tags.get("Base")}))
        labels = {one.id: one.label for one in (*bases, *found)}
        return {one.id: labels.get(one.tags.get("Base", ""), one.label) for one in found}

    def _named(self, ids: Sequence[str]) -> list[Picture]:
        # By a filter, since an id that is gone would make the call fail.
        wanted = [{"Name": "image-id", "Values": list(ids)}]
        return [_picture(one) for one in self._all("ec2", "describe_images", "Images", Filters=wanted)] if ids else []

    def lease_names(self, group: str) -> Sequence[str]:
        return [one["Name"] for one in self._all("scheduler", "list_schedules", "Schedules", GroupName=group)]

    def lease_end(self, group: str, machine: str) -> int | None:
        try:
            return SchedulerLeases(self._client("scheduler"), "", group).ends_at(machine)
        except LeaseError as error:
            raise LookError(f"scheduler get_schedule: {error}") from error


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}


def _picture(found: Mapping[str, Any]) -> Picture:
    disks = (disk.get("Ebs", {}) for disk in found.get("BlockDeviceMappings", ()))
    return Picture(
        found["ImageId"],
        _tags(found),
        found.get("Name", ""),
        found["CreationDate"],
        tuple(disk["SnapshotId"] for disk in disks if disk.get("SnapshotId")),
    )

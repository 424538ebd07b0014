"""The Redis cluster on ElastiCache."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.queue_cluster import (
    DEFINITION,
    NAME,
    SECURITY_GROUP,
    TAGS,
    Cluster,
    ClusterError,
    ClusterState,
)

_NOT_FOUND, _THERE = "ReplicationGroupNotFoundFault", "ReplicationGroupAlreadyExists"
_MISSING = (
    "What Terraform makes for it is missing ({what}): `terraform apply -var enable_redis=true` makes it, and the "
    "cluster too. Nothing was touched."
)


def connect(service: str, *, region: str | None = None, endpoint_url: str | None = None) -> Any:
    """A client of `elasticache` or `ec2`; what is not given comes from the environment. Raises `ClusterError`."""
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    with _cluster_errors():
        return boto3.client(service, config=config, region_name=region, endpoint_url=endpoint_url)  # type: ignore[call-overload]


@contextmanager
def _cluster_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"]
        code = reason.get("Code", "Unknown")
        raise ClusterError(f"{code}: {reason.get('Message', 'no message')}", code=code) from error
    except BotoCoreError as error:
        raise ClusterError(f"{type(error).__name__}: {error}", code=type(error).__name__) from error


class QueueCluster:
    """`tl-fif-queue`; every method raises `ClusterError`."""

    def __init__(self, cache: Any, ec2: Any) -> None:
        self._cache, self._ec2 = cache, ec2

    def look(self) -> Cluster:
        """As ElastiCache describes it now."""
        try:
            with _cluster_errors():
                found = self._cache.describe_replication_groups(ReplicationGroupId=NAME)["ReplicationGroups"][0]
        except ClusterError as error:
            if error.code != _NOT_FOUND:
                raise
            return Cluster(ClusterState.ABSENT)
        groups = found.get("NodeGroups") or [{}]
        endpoint = groups[0].get("PrimaryEndpoint") or {}
        return Cluster(ClusterState(found["Status"]), endpoint.get("Address", ""), endpoint.get("Port", 6379))

    def firewall(self) -> str:
        """The id of the security group that the cluster has to be in."""
        with _cluster_errors():
            named = [{"Name": "group-name", "Values": [SECURITY_GROUP]}]
            found = self._ec2.describe_security_groups(Filters=named)["SecurityGroups"]
        if len(found) != 1:
            raise ClusterError(_MISSING.format(what=f"{len(found)} security groups are called {SECURITY_GROUP}"))
        return str(found[0]["GroupId"])

    def check_groups(self) -> None:
        """Refuse to go on without the parameter group and the subnet group."""
        try:
            with _cluster_errors():
                self._cache.describe_cache_parameter_groups(
                    CacheParameterGroupName=DEFINITION["CacheParameterGroupName"]
                )
                self._cache.describe_cache_subnet_groups(CacheSubnetGroupName=DEFINITION["CacheSubnetGroupName"])
        except ClusterError as error:
            if "NotFound" not in error.code:
                raise
            raise ClusterError(_MISSING.format(what=error)) from error

    def create(self, firewall: str) -> None:
        """Create it. That it is there already is the answer to a call that was tried again."""
        tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
        try:
            with _cluster_errors():
                self._cache.create_replication_group(
                    ReplicationGroupId=NAME, SecurityGroupIds=[firewall], Tags=tags, **DEFINITION
                )
        except ClusterError as error:
            if not error.code.startswith(_THERE):
                raise

    def delete(self) -> None:
        """Delete it, without a snapshot: jobs live for minutes."""
        try:
            with _cluster_errors():
                self._cache.delete_replication_group(ReplicationGroupId=NAME, RetainPrimaryCluster=False)
        except ClusterError:
            deleting = self.look().state in {ClusterState.DELETING, ClusterState.ABSENT}
            if not deleting:  # else the answer to the first try was lost
                raise

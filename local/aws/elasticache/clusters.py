"""ElastiCache clusters and replication groups that change state over time and refuse what AWS refuses.

Only Redis 6, one node. `seam.installed` hangs it into moto. Transitions are made when somebody looks.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from local.aws.core.clock import Clock
from local.aws.elasticache.shapes import AVAILABLE, Resource, active, cluster_shape, group_shape, refused

_CREATING, _DELETING = "creating", "deleting"
_MODIFIABLE = {
    "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "CacheNodeType": "CacheNodeType",
    "PreferredMaintenanceWindow": "PreferredMaintenanceWindow",
    "ReplicationGroupDescription": "Description",
    "SnapshotRetentionLimit": "SnapshotRetentionLimit",
    "SnapshotWindow": "SnapshotWindow",
}


class StrictCache:
    """The rules; the resources themselves are in moto's backend, so that tags and resets are moto's business."""

    def __init__(self, clock: Clock, seconds: Callable[[], float]) -> None:
        """`seconds` says how long a resource is being created or deleted."""
        self.lock = threading.RLock()
        self.redis_port: int | None = None
        """Of the redis-server on this machine that is every cluster's endpoint; without it, endpoints are names."""
        self._clock, self._seconds = clock, seconds

    def settle(self, backend: Any) -> None:
        """Make every transition that is due."""
        with self.lock:
            for kept in (backend.cache_clusters, backend.replication_groups):
                for name, resource in list(kept.items()):
                    if resource.due and resource.due <= self._clock():
                        resource.due = None
                        if resource.status == _DELETING:
                            del kept[name]
                        else:
                            resource.shape[resource.status_field] = AVAILABLE

    def create_cluster(
        self, backend: Any, wanted: Mapping[str, Any], group: str = "", *, encrypted: bool = False
    ) -> Resource:
        """Create a cluster, or with `group` a member of a replication group; return its resource."""
        name = wanted["CacheClusterId"]
        if name in backend.cache_clusters:
            raise refused("CacheClusterAlreadyExists", f"Cache cluster {name} already exists.")
        if not group and wanted.get("NumCacheNodes", 1) != 1:
            raise refused("InvalidParameterValue", "Cannot create a Redis cluster with a NumCacheNodes other than 1.")
        shape = cluster_shape(backend, name, wanted)
        shape["AtRestEncryptionEnabled"] = encrypted
        if group:
            shape["ReplicationGroupId"] = group
        resource = Resource(_arn(backend, "cluster", name), shape, "CacheClusterStatus", "CacheClusterCreateTime")
        backend.cache_clusters[name] = self._begin(resource, backend, wanted.get("Tags", []))
        return resource

    def create_group(self, backend: Any, wanted: Mapping[str, Any]) -> Resource:
        """Create a replication group of one node, and that node."""
        name = wanted["ReplicationGroupId"]
        if name in backend.replication_groups:
            raise refused("ReplicationGroupAlreadyExists", f"Replication group {name} already exists.")
        if wanted.get("NumCacheClusters", 1) != 1 or wanted.get("NumNodeGroups", 1) != 1:
            raise refused("NotImplemented", "the local AWS has replication groups of one node only")
        if wanted.get("AutomaticFailoverEnabled") or wanted.get("MultiAZEnabled"):
            raise refused("InvalidParameterCombination", "Automatic failover needs at least one replica.")
        member = {**wanted, "CacheClusterId": f"{name}-001"}
        encrypted = bool(wanted.get("AtRestEncryptionEnabled"))
        cluster = self.create_cluster(backend, member, name, encrypted=encrypted)
        shape = group_shape(name, wanted, cluster.shape)
        resource = Resource(_arn(backend, "replicationgroup", name), shape, "Status", "ReplicationGroupCreateTime")
        backend.replication_groups[name] = self._begin(resource, backend, wanted.get("Tags", []))
        return resource

    def modify(self, kept: dict[str, Resource], name: str, wanted: Mapping[str, Any], not_found: str) -> Resource:
        """Change what is modifiable, at once. Raises NotImplementedError for what is not known here."""
        resource = self.available(kept, name, not_found)
        for field, value in wanted.items():
            if field in _MODIFIABLE:
                resource.shape[_MODIFIABLE[field]] = value
            elif field == "SecurityGroupIds":
                resource.shape["SecurityGroups"] = [active(group) for group in value]
            elif field not in {"CacheClusterId", "ReplicationGroupId", "ApplyImmediately"}:
                raise NotImplementedError(f"the local AWS cannot change {field} of {name}")
        return resource

    def delete(self, kept: dict[str, Resource], name: str, not_found: str) -> Resource:
        """Let the deletion begin."""
        resource = self.available(kept, name, not_found)
        resource.shape[resource.status_field] = _DELETING
        resource.due = self._clock() + timedelta(seconds=self._seconds())
        return resource

    def available(self, kept: dict[str, Resource], name: str, kind: str) -> Resource:
        """Return a resource that may be changed; `kind` is `CacheCluster` or `ReplicationGroup`."""
        if name not in kept:
            raise refused(f"{kind}NotFound" if kind == "CacheCluster" else f"{kind}NotFoundFault", f"{name} not found.")
        if kept[name].status != AVAILABLE:
            raise refused(f"Invalid{kind}State", f"{name} is not in a valid state: it is {kept[name].status}.")
        return kept[name]

    def described(self, resource: Resource) -> dict[str, Any]:
        """A resource as AWS describes it now: an endpoint is there once it is available."""
        shape = dict(resource.shape)
        if resource.status == _CREATING:
            shape.pop("NodeGroups", None)
            return {**shape, "CacheNodes": []}
        for list_name, endpoint in (("CacheNodes", "Endpoint"), ("NodeGroups", "PrimaryEndpoint")):
            if self.redis_port and list_name in shape:
                here = {"Address": "127.0.0.1", "Port": self.redis_port}
                shape[list_name] = [{**node, endpoint: here} for node in shape[list_name]]
        return shape

    def _begin(self, resource: Resource, backend: Any, tags: list[dict[str, str]]) -> Resource:
        now = self._clock()
        resource.shape |= {"ARN": resource.arn, resource.status_field: _CREATING, resource.created_field: now}
        resource.due = now + timedelta(seconds=self._seconds())
        backend.tagging_service.tag_resource(resource.arn, tags)
        return resource


def _arn(backend: Any, kind: str, name: str) -> str:
    return f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:{kind}:{name}"

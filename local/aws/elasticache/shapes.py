"""What ElastiCache describes: clusters and replication groups of one Redis 6 node, checked as AWS checks them."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.ec2.models import ec2_backends
from moto.elasticache.exceptions import ElastiCacheException

from local.aws.elasticache.parameters import DEFAULT_GROUP

_ID = re.compile(r"[a-zA-Z](?:-?[a-zA-Z0-9]){0,49}")
_NODE_TYPE = re.compile(r"cache\.(?:(?:t2|t3|t4g)\.(?:micro|small|medium)|[mr]\d\w*\.(?:large|\d*xlarge))")
_VERSIONS = {"6.0": "6.0.5", "6.2": "6.2.6", "6.x": "6.2.6"}
AVAILABLE = "available"


@dataclass
class Resource:
    """A cluster or replication group: `shape` is what AWS would describe; `due` is when the change under way ends."""

    arn: str
    shape: dict[str, Any]
    status_field: str
    created_field: str
    due: datetime | None = None

    @property
    def status(self) -> str:
        """`creating`, `available` or `deleting`."""
        return str(self.shape[self.status_field])


def refused(code: str, message: str) -> ElastiCacheException:
    """An error as AWS sends it."""
    return ElastiCacheException(code, message)


def cluster_shape(backend: Any, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new cluster's description, or raise AWS's refusal."""
    if not _ID.fullmatch(name):
        raise refused("InvalidParameterValue", f"The parameter CacheClusterIdentifier is not valid: {name}")
    node_type, version = wanted.get("CacheNodeType", ""), wanted.get("EngineVersion", "6.2")
    if not _NODE_TYPE.fullmatch(node_type):
        raise refused("InvalidParameterValue", f"Invalid Cache Node Type: {node_type}.")
    if wanted.get("Engine") != "redis" or version not in _VERSIONS:
        raise refused("InvalidParameterValue", f"the local AWS has redis {', '.join(_VERSIONS)} only, not {version}")
    port = wanted.get("Port", 6379)
    address = _name_of_host(name, backend.region_name)
    return {
        "CacheClusterId": name,
        "CacheNodeType": node_type,
        "Engine": "redis",
        "EngineVersion": _VERSIONS[version],
        "NumCacheNodes": 1,
        "PreferredAvailabilityZone": f"{backend.region_name}a",
        "PreferredMaintenanceWindow": wanted.get("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
        "CacheSubnetGroupName": _subnet_group(backend, wanted),
        "CacheParameterGroup": _parameter_group(backend, wanted),
        "SecurityGroups": [active(_security_group(backend, group)) for group in wanted.get("SecurityGroupIds", [])],
        "CacheSecurityGroups": [],
        "AutoMinorVersionUpgrade": bool(wanted.get("AutoMinorVersionUpgrade", True)),
        "SnapshotRetentionLimit": wanted.get("SnapshotRetentionLimit", 0),
        "SnapshotWindow": wanted.get("SnapshotWindow", "03:00-04:00"),
        "TransitEncryptionEnabled": bool(wanted.get("TransitEncryptionEnabled")),
        "AuthTokenEnabled": False,
        "NetworkType": wanted.get("NetworkType", "ipv4"),
        "IpDiscovery": wanted.get("IpDiscovery", "ipv4"),
        "CacheNodes": [
            {
                "CacheNodeId": "0001",
                "CacheNodeStatus": AVAILABLE,
                "Endpoint": {"Address": address, "Port": port},
                "ParameterGroupStatus": "in-sync",
                "CustomerAvailabilityZone": f"{backend.region_name}a",
            }
        ],
    }


def group_shape(name: str, wanted: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a new replication group whose one member is `cluster`."""
    (node,) = cluster["CacheNodes"]
    endpoint = node["Endpoint"]
    shared = ("AutoMinorVersionUpgrade", "CacheNodeType", "NetworkType", "IpDiscovery", "TransitEncryptionEnabled")
    return {
        **{field: cluster[field] for field in (*shared, "SnapshotRetentionLimit", "SnapshotWindow", "Engine")},
        "ReplicationGroupId": name,
        "Description": wanted["ReplicationGroupDescription"],
        "MemberClusters": [cluster["CacheClusterId"]],
        "NodeGroups": [
            {
                "NodeGroupId": "0001",
                "Status": AVAILABLE,
                "PrimaryEndpoint": {**endpoint, "Address": endpoint["Address"].replace(f"{name}-001.", f"{name}.")},
                "NodeGroupMembers": [
                    {
                        "CacheClusterId": cluster["CacheClusterId"],
                        "CacheNodeId": "0001",
                        "ReadEndpoint": endpoint,
                        "PreferredAvailabilityZone": node["CustomerAvailabilityZone"],
                        "CurrentRole": "primary",
                    }
                ],
            }
        ],
        "AtRestEncryptionEnabled": bool(wanted.get("AtRestEncryptionEnabled")),
        "AuthTokenEnabled": False,
        "AutomaticFailover": "disabled",
        "ClusterEnabled": False,
        "ClusterMode": "disabled",
        "DataTiering": "disabled",
        "MultiAZ": "disabled",
        "PendingModifiedValues": {},
    }


def _name_of_host(cluster: str, region: str) -> str:
    short = "".join([region[:2], *(part[0] for part in region.split("-")[1:-1]), region[-1]])
    return f"{cluster}.{zlib.crc32(region.encode()):08x}.0001.{short}.cache.amazonaws.com"


def _subnet_group(backend: Any, wanted: Mapping[str, Any]) -> str:
    name = wanted.get("CacheSubnetGroupName", "default")
    if name != "default" and name not in backend.cache_subnet_groups:
        raise refused("CacheSubnetGroupNotFoundFault", f"Cache Subnet Group {name} does not exist.")
    return str(name)


def _parameter_group(backend: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    name = wanted.get("CacheParameterGroupName", DEFAULT_GROUP)
    if name != DEFAULT_GROUP and name not in vars(backend).get("parameter_groups", {}):
        raise refused("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {name}")
    return {"CacheParameterGroupName": name, "ParameterApplyStatus": "in-sync", "CacheNodeIdsToReboot": []}


def _security_group(backend: Any, group_id: str) -> str:
    if ec2_backends[backend.account_id][backend.region_name].get_security_group_from_id(group_id) is None:
        raise refused("InvalidParameterValue", f"Security group {group_id} does not exist.")
    return group_id


def active(group_id: str) -> dict[str, str]:
    """Return a security group as a cluster lists it."""
    return {"SecurityGroupId": group_id, "Status": "active"}

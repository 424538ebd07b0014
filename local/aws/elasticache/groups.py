"""ElastiCache's parameter groups and subnet groups: checked, and not to be deleted while a cluster uses them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.aws.elasticache.parameters import DEFAULT_GROUP, FAMILY, PARAMETERS, ParameterError, check
from local.aws.elasticache.shapes import refused

_NAME = re.compile(r"[a-z](?:-?[a-z0-9]|\.[a-z0-9]){0,254}", re.IGNORECASE)


@dataclass
class ParameterGroup:
    """`values` holds what differs from the family's defaults."""

    name: str
    arn: str
    description: str
    values: dict[str, str] = field(default_factory=dict)

    def as_shape(self) -> dict[str, Any]:
        """The group as AWS describes it."""
        return {
            "CacheParameterGroupName": self.name,
            "CacheParameterGroupFamily": FAMILY,
            "Description": self.description,
            "IsGlobal": False,
            "ARN": self.arn,
        }

    def parameters(self, source: str | None) -> list[dict[str, Any]]:
        """All parameters, or those whose value comes from `source`: `user` or `system`."""
        return [
            {
                "ParameterName": name,
                "ParameterValue": self.values.get(name, parameter.default),
                "Source": "user" if name in self.values else "system",
                "AllowedValues": parameter.allowed,
                "IsModifiable": True,
                "MinimumEngineVersion": "6.0.5",
                "ChangeType": "immediate",
            }
            for name, parameter in PARAMETERS.items()
            if source in {None, "user" if name in self.values else "system"}
        ]


def parameter_groups(backend: Any) -> dict[str, ParameterGroup]:
    """The groups of a backend, without AWS's default one."""
    kept: dict[str, ParameterGroup] = vars(backend).setdefault("parameter_groups", {})
    return kept


def create(backend: Any, name: str, family: str, description: str) -> ParameterGroup:
    """Create a parameter group."""
    if family != FAMILY:
        raise refused("InvalidParameterValue", f"the local AWS has the family {FAMILY} only, not {family}")
    if not _NAME.fullmatch(name):
        raise refused("InvalidParameterValue", f"The parameter CacheParameterGroupName is not valid: {name}")
    if name in parameter_groups(backend):
        raise refused("CacheParameterGroupAlreadyExists", f"CacheParameterGroup already exists: {name}")
    arn = f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:parametergroup:{name}"
    group = parameter_groups(backend)[name] = ParameterGroup(name, arn, description)
    return group


def find(backend: Any, name: str) -> ParameterGroup:
    """Return a group that is not AWS's default."""
    if name == DEFAULT_GROUP:
        raise refused("InvalidCacheParameterGroupState", f"{name} is a default group and cannot be changed.")
    if name not in parameter_groups(backend):
        raise refused("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {name}")
    return parameter_groups(backend)[name]


def change(group: ParameterGroup, values: Iterable[tuple[str, str]]) -> None:
    """Set all of the values or, if one is refused, none."""
    wanted = dict(values)
    try:
        for name, value in wanted.items():
            check(name, value)
    except ParameterError as error:
        raise refused("InvalidParameterValue", str(error)) from error
    group.values.update(wanted)


def delete(backend: Any, name: str) -> None:
    """Delete a parameter group that no cluster uses."""
    find(backend, name)
    used = {one.shape["CacheParameterGroup"]["CacheParameterGroupName"] for one in backend.cache_clusters.values()}
    if name in used:
        raise refused("InvalidCacheParameterGroupState", f"One or more cache clusters are still members of {name}.")
    del parameter_groups(backend)[name]


def delete_subnet_group(backend: Any, name: str) -> None:
    """Delete a subnet group that no cluster uses."""
    if name not in backend.cache_subnet_groups:
        raise refused("CacheSubnetGroupNotFoundFault", f"Cache Subnet Group {name} does not exist.")
    if any(one.shape["CacheSubnetGroupName"] == name for one in backend.cache_clusters.values()):
        raise refused("CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster.")
    del backend.cache_subnet_groups[name]

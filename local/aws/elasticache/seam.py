"""The one place where `StrictCache` is hung into moto's ElastiCache, and taken out again."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from local.aws.core.seam import replaced
from local.aws.elasticache import groups
from local.aws.elasticache.clusters import StrictCache
from local.aws.elasticache.shapes import refused

_Answer = Callable[[Any, dict[str, Any]], ActionResult]


@contextmanager
def installed(strict: StrictCache) -> Iterator[None]:
    """Make moto's ElastiCache strict for as long as the context lasts."""
    operations = {**_clusters(strict), **_groups(strict), **_parameter_groups()}
    with ExitStack() as undo:
        for name, answer in operations.items():
            undo.enter_context(replaced(ElastiCacheResponse, name, _settled(strict, answer)))
        undo.enter_context(replaced(ElastiCacheBackend, "list_tags_for_resource", _tags_of_any))
        yield


def _settled(strict: StrictCache, answer: _Answer) -> Callable[[Any], ActionResult]:
    def operation(response: Any) -> ActionResult:
        with strict.lock:
            strict.settle(response.elasticache_backend)
            return answer(response.elasticache_backend, response._get_params())  # noqa: SLF001

    return operation


def _clusters(strict: StrictCache) -> dict[str, _Answer]:
    def create(backend: Any, params: dict[str, Any]) -> ActionResult:
        return ActionResult({"CacheCluster": strict.described(strict.create_cluster(backend, params))})

    def describe(backend: Any, params: dict[str, Any]) -> ActionResult:
        name = params.get("CacheClusterId")
        if name and name not in backend.cache_clusters:
            raise refused("CacheClusterNotFound", f"CacheCluster not found: {name}")
        found = [one for key, one in backend.cache_clusters.items() if name in {None, key}]
        return ActionResult({"CacheClusters": [strict.described(one) for one in found]})

    def modify(backend: Any, params: dict[str, Any]) -> ActionResult:
        one = strict.modify(backend.cache_clusters, params["CacheClusterId"], params, "CacheCluster")
        return ActionResult({"CacheCluster": strict.described(one)})

    def delete(backend: Any, params: dict[str, Any]) -> ActionResult:
        name = params["CacheClusterId"]
        found = strict.available(backend.cache_clusters, name, "CacheCluster")
        if "ReplicationGroupId" in found.shape:
            raise refused("InvalidCacheClusterState", f"Cache cluster {name} is the primary of a replication group.")
        return ActionResult({"CacheCluster": strict.delete(backend.cache_clusters, name, "CacheCluster").shape})

    return {
        "create_cache_cluster": create,
        "describe_cache_clusters": describe,
        "modify_cache_cluster": modify,
        "delete_cache_cluster": delete,
    }


def _groups(strict: StrictCache) -> dict[str, _Answer]:
    def create(backend: Any, params: dict[str, Any]) -> ActionResult:
        return ActionResult({"ReplicationGroup": strict.described(strict.create_group(backend, params))})

    def describe(backend: Any, params: dict[str, Any]) -> ActionResult:
        name = params.get("ReplicationGroupId")
        if name and name not in backend.replication_groups:
            raise refused("ReplicationGroupNotFoundFault", f"ReplicationGroup {name} not found.")
        found = [one for key, one in backend.replication_groups.items() if name in {None, key}]
        return ActionResult({"ReplicationGroups": [strict.described(one) for one in found]})

    def modify(backend: Any, params: dict[str, Any]) -> ActionResult:
        one = strict.modify(backend.replication_groups, params["ReplicationGroupId"], params, "ReplicationGroup")
        return ActionResult({"ReplicationGroup": strict.described(one)})

    def delete(backend: Any, params: dict[str, Any]) -> ActionResult:
        group = strict.delete(backend.replication_groups, params["ReplicationGroupId"], "ReplicationGroup")
        for member in group.shape["MemberClusters"]:
            strict.delete(backend.cache_clusters, member, "CacheCluster")
        return ActionResult({"ReplicationGroup": group.shape})

    return {
        "create_replication_group": create,
        "describe_replication_groups": describe,
        "modify_replication_group": modify,
        "delete_replication_group": delete,
    }


def _parameter_groups() -> dict[str, _Answer]:
    def create(backend: Any, params: dict[str, Any]) -> ActionResult:
        name, family = params["CacheParameterGroupName"], params["CacheParameterGroupFamily"]
        group = groups.create(backend, name, family, params["Description"])
        backend.tagging_service.tag_resource(group.arn, params.get("Tags", []))
        return ActionResult({"CacheParameterGroup": group.as_shape()})

    def describe(backend: Any, params: dict[str, Any]) -> ActionResult:
        name, kept = params.get("CacheParameterGroupName"), groups.parameter_groups(backend)
        found = [groups.find(backend, name)] if name else list(kept.values())
        return ActionResult({"CacheParameterGroups": [group.as_shape() for group in found]})

    def describe_parameters(backend: Any, params: dict[str, Any]) -> ActionResult:
        group = groups.find(backend, params["CacheParameterGroupName"])
        return ActionResult({"Parameters": group.parameters(params.get("Source"))})

    def modify(backend: Any, params: dict[str, Any]) -> ActionResult:
        group = groups.find(backend, params["CacheParameterGroupName"])
        values = params["ParameterNameValues"]
        groups.change(group, [(one["ParameterName"], one.get("ParameterValue", "")) for one in values])
        return ActionResult({"CacheParameterGroupName": group.name})

    def reset(backend: Any, params: dict[str, Any]) -> ActionResult:
        group = groups.find(backend, params["CacheParameterGroupName"])
        names = [one["ParameterName"] for one in params.get("ParameterNameValues", [])]
        for name in list(group.values) if params.get("ResetAllParameters") else names:
            group.values.pop(name, None)
        return ActionResult({"CacheParameterGroupName": group.name})

    def delete(backend: Any, params: dict[str, Any]) -> ActionResult:
        groups.delete(backend, params["CacheParameterGroupName"])
        return EmptyResult()

    def delete_subnet_group(backend: Any, params: dict[str, Any]) -> ActionResult:
        groups.delete_subnet_group(backend, params["CacheSubnetGroupName"])
        return EmptyResult()

    return {
        "create_cache_parameter_group": create,
        "describe_cache_parameter_groups": describe,
        "describe_cache_parameters": describe_parameters,
        "modify_cache_parameter_group": modify,
        "reset_cache_parameter_group": reset,
        "delete_cache_parameter_group": delete,
        "delete_cache_subnet_group": delete_subnet_group,
    }


def _tags_of_any(backend: Any, arn: str) -> dict[str, list[dict[str, str]]]:
    """Know the tags of parameter groups, too, which moto does not."""
    if not re.match(r"arn:aws:elasticache:[^:]*:\d{12}:\w+:.+", arn):
        raise refused("InvalidARN", f"{arn} is not a valid ARN.")
    tags: dict[str, list[dict[str, str]]] = backend.tagging_service.list_tags_for_resource(arn)
    return tags

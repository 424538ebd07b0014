"""The Redis that somebody pays for by the hour: how it is made, what it costs, and how to have it or be rid of it.

The definition is that of `terraform/modules/queue/redis.tf` (a test compares them), so that a cluster that a runbook
has made is the one that Terraform expects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tinyllama.domain.errors import TinyllamaError
from tinyllama.domain.prices import USD_PER_EUR

NAME = "tl-fif-queue"
SECURITY_GROUP = "tinyllama-redis"
DEFINITION: Mapping[str, Any] = {
    "ReplicationGroupDescription": "Job queue of tinyllama",
    "Engine": "redis",
    "EngineVersion": "6.2",
    "CacheNodeType": "cache.t4g.small",
    "NumCacheClusters": 1,
    "AutomaticFailoverEnabled": False,
    "CacheParameterGroupName": "tl-fif-redis-6-2",
    "CacheSubnetGroupName": "tl-fif-priv",
    "Port": 6379,
    "AtRestEncryptionEnabled": True,
    "TransitEncryptionEnabled": False,
    "SnapshotRetentionLimit": 0,
}
"""Parameters of `CreateReplicationGroup`, without the id, the security group and the tags."""
TAGS: Mapping[str, str] = {"Project": "tinyllama", "Role": "queue"}

_USD_PER_HOUR = Decimal("0.037")
EUR_PER_HOUR = (_USD_PER_HOUR / USD_PER_EUR).quantize(Decimal("0.0001"))
"""List price of a `cache.t4g.small` in Frankfurt, 2026-11-23, before VAT."""
NOTHING, UNKNOWN = "nothing", "unknown"
"""What is forgotten with a cluster, where it is not a number of jobs."""


class ClusterError(TinyllamaError):
    """The cluster is not as wanted; `code` is AWS's where there is one, `touched` whether anything was changed."""

    def __init__(self, message: str, *, code: str = "", touched: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.touched = touched


class ClusterState(StrEnum):
    """`Status` of a replication group, and `absent`."""

    ABSENT = "absent"
    CREATING = "creating"
    AVAILABLE = "available"
    MODIFYING = "modifying"
    SNAPSHOTTING = "snapshotting"
    DELETING = "deleting"
    CREATE_FAILED = "create-failed"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster as ElastiCache describes it; `host` is empty until it can be connected to."""

    state: ClusterState
    host: str = ""
    port: int = 6379


@dataclass(frozen=True, slots=True)
class ClusterStep:
    """`create`, `delete` or `wait`, the state that it leads to, and why."""

    action: str
    target: ClusterState
    reason: str


_BUSY = {ClusterState.CREATING, ClusterState.MODIFYING, ClusterState.SNAPSHOTTING}
_GONE = (ClusterStep("wait", ClusterState.ABSENT, "deleting takes ElastiCache minutes"),)
_THERE = (ClusterStep("wait", ClusterState.AVAILABLE, "creating takes ElastiCache minutes"),)


def plan(now: ClusterState, wanted: ClusterState) -> tuple[ClusterStep, ...]:
    """The steps from `now` to `wanted`, which is `available` or `absent`; none if nothing is to be done."""
    settled = (
        (ClusterStep("wait", ClusterState.AVAILABLE, f"a change is in progress: it is {now}"),) if now in _BUSY else ()
    )
    if wanted is ClusterState.ABSENT:
        if now in {ClusterState.ABSENT, ClusterState.DELETING}:
            return () if now is wanted else _GONE
        return (*settled, ClusterStep("delete", ClusterState.DELETING, "it is not wanted"), *_GONE)
    if now is ClusterState.AVAILABLE or settled:
        return settled
    # One that is on its way out, or never came up, has to be gone before its name is free.
    rid = {ClusterState.ABSENT: (), ClusterState.DELETING: _GONE}.get(
        now, (ClusterStep("delete", ClusterState.DELETING, "creating it has failed"), *_GONE)
    )
    return (*rid, ClusterStep("create", ClusterState.CREATING, "there is none"), *_THERE)


def forgotten(now: Cluster, steps: Sequence[ClusterStep], jobs: int | None) -> str:
    """What is lost when the steps are taken; `jobs` is None where nobody could count them.

    A cluster without an endpoint is still being created, and has none.
    """
    if not now.host or all(step.action != "delete" for step in steps):
        return NOTHING
    if jobs is None:
        return UNKNOWN
    return f"{jobs} jobs" if jobs else NOTHING


def eur_per_hour(state: ClusterState) -> str:
    """What an hour in that state costs, in EUR."""
    return "0" if state in {ClusterState.ABSENT, ClusterState.DELETING} else str(EUR_PER_HOUR)

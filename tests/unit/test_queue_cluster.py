"""The Redis cluster on paper: plans that ElastiCache accepts, and the definition that Terraform has, too."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.queue_cluster import DEFINITION, Cluster, ClusterState, ClusterStep, eur_per_hour, forgotten, plan

ABSENT, AVAILABLE = ClusterState.ABSENT, ClusterState.AVAILABLE
TERRAFORM = Path(__file__).parents[2] / "terraform" / "modules" / "queue" / "redis.tf"
NAMES = {
    "description": "ReplicationGroupDescription",
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "node_type": "CacheNodeType",
    "num_cache_clusters": "NumCacheClusters",
    "automatic_failover_enabled": "AutomaticFailoverEnabled",
    "port": "Port",
    "at_rest_encryption_enabled": "AtRestEncryptionEnabled",
    "transit_encryption_enabled": "TransitEncryptionEnabled",
    "snapshot_retention_limit": "SnapshotRetentionLimit",
}


def follow(state: ClusterState, step: ClusterStep) -> ClusterState:
    """ElastiCache's rules in a few lines: what is refused is an assertion."""
    match step.action:
        case "create":
            assert state is ABSENT, "the name is taken"
        case "delete":
            assert state in {AVAILABLE, ClusterState.CREATE_FAILED}, "it is busy"
        case _:
            assert state is not ClusterState.CREATE_FAILED, "waits for what will not come"
    return step.target


@given(st.sampled_from(ClusterState), st.sampled_from([ABSENT, AVAILABLE]))
def test_a_plan_ends_as_wanted_and_asks_for_nothing_that_is_refused(now: ClusterState, wanted: ClusterState) -> None:
    for step in plan(now, wanted):
        now = follow(now, step)
    assert now is wanted
    assert plan(now, wanted) == ()


@given(st.sampled_from(ClusterState), st.sampled_from(["", "host"]), st.none() | st.integers(0, 9))
def test_jobs_are_forgotten_by_what_deletes_a_cluster_that_may_have_some(
    now: ClusterState, host: str, jobs: int | None
) -> None:
    steps = plan(now, ABSENT)
    lost = forgotten(Cluster(now, host), steps, jobs)
    if host and jobs != 0 and any(step.action == "delete" for step in steps):
        assert lost == ("unknown" if jobs is None else f"{jobs} jobs")
    else:
        assert lost == "nothing"


def test_the_definition_is_terraforms() -> None:
    block = TERRAFORM.read_text().partition('"aws_elasticache_replication_group"')[2].partition("\n}")[0]
    given_there = dict(re.findall(r'^  (\w+) += "?([^"#\n]*?)"?(?: +#.*)?$', block, re.MULTILINE))
    assert {NAMES[name]: value for name, value in given_there.items() if name in NAMES} == {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in DEFINITION.items()
        if name in NAMES.values()
    }
    assert f'"{DEFINITION["CacheParameterGroupName"]}"' in TERRAFORM.read_text()
    assert f'"{DEFINITION["CacheSubnetGroupName"]}"' in TERRAFORM.read_text()


@pytest.mark.parametrize(("state", "cost"), [(AVAILABLE, "0.0324"), (ClusterState.CREATING, "0.0324"), (ABSENT, "0")])
def test_an_hour_is_priced(state: ClusterState, cost: str) -> None:
    assert eur_per_hour(state) == cost

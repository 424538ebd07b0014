"""Quotas, leases, drift: what is said of which facts."""

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tinyllama.domain.account import Machine
from tinyllama.domain.checkup import (
    Deployment,
    DeploymentError,
    account,
    concurrency_quota,
    deployment_of,
    drift,
    gpu_quota,
    lease,
    stray_leases,
)
from tinyllama.domain.findings import Finding, Severity

TAGS = {"Project": "tinyllama", "Role": "gpu-node", "Name": "tinyllama-gpu"}
NODE = Machine("i-1", TAGS, "stopped", "t3.small")
MADE = Deployment("123456789012", "eu-central-1", "i-1", ("t3.small", "g4dn.xlarge"), "tinyllama-leases")


def severities(found: Iterable[Finding]) -> list[Severity]:
    return [one.severity for one in found]


@pytest.mark.parametrize(
    ("vcpus", "types", "severity"),
    [
        (0, ["g4dn.xlarge"], Severity.WARNING),
        (4, ["t3.small", "g4dn.xlarge"], Severity.FINE),
        (4, ["g4dn.xlarge", "g4dn.2xlarge"], Severity.WARNING),
        (0, ["t3.small"], Severity.FINE),
    ],
)
def test_the_quota_has_to_hold_the_biggest_type(vcpus: float, types: list[str], severity: Severity) -> None:
    assert gpu_quota(vcpus, types).severity is severity


def test_ten_functions_at_once_are_few() -> None:
    assert [concurrency_quota(value).severity for value in (10, 100)] == [Severity.WARNING, Severity.FINE]


def test_another_account_or_region_than_terraforms_is_a_problem() -> None:
    assert account("123456789012", "eu-central-1", MADE).severity is Severity.FINE
    assert account("210987654321", "eu-central-1", MADE).severity is Severity.PROBLEM
    assert account("123456789012", "eu-west-1", MADE).severity is Severity.PROBLEM
    assert account("123456789012", "eu-west-1", Deployment()).severity is Severity.NOTE


def test_a_node_as_terraform_made_it_is_fine() -> None:
    assert severities(drift([NODE], MADE)) == [Severity.FINE]


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        ([], [Severity.PROBLEM]),
        ([replace(NODE, state="terminated")], [Severity.PROBLEM]),
        ([replace(NODE, tags={"Project": "tinyllama"})], [Severity.PROBLEM]),
        ([replace(NODE, type="g5.xlarge")], [Severity.WARNING]),
        ([replace(NODE, type="g5.xlarge", tags={})], [Severity.PROBLEM, Severity.WARNING]),
        ([NODE, replace(NODE, id="i-2")], [Severity.FINE, Severity.WARNING]),
    ],
)
def test_what_differs_from_terraform_is_found(machines: list[Machine], expected: list[Severity]) -> None:
    assert severities(drift(machines, MADE)) == expected


def test_without_terraforms_word_no_node_is_called_strange() -> None:
    assert list(drift([NODE], Deployment())) == []


@pytest.mark.parametrize(
    ("ends_at", "severity"), [(None, Severity.PROBLEM), (600, Severity.PROBLEM), (1_000, Severity.FINE)]
)
def test_a_running_node_needs_a_lease_that_is_not_long_over(ends_at: int | None, severity: Severity) -> None:
    running = replace(NODE, state="running", type="g4dn.xlarge")
    found = lease(running, ends_at, now=1_000.0, region="eu-central-1")
    assert found.severity is severity
    assert "EUR 0.5754 an hour" in found.text


def test_a_schedule_without_a_node_is_found_and_others_are_left_alone() -> None:
    names = ["tinyllama-lease-i-1", "tinyllama-lease-i-2", "tinyllama-lease-i-3", "builder"]
    found = stray_leases(names, [NODE, replace(NODE, id="i-2", state="terminated")])
    assert [one.subject for one in found] == ["tinyllama-lease-i-2", "tinyllama-lease-i-3"]


def test_terraforms_outputs_are_read() -> None:
    values = {
        "account_id": MADE.account,
        "region": MADE.region,
        "node_instance_id": MADE.node,
        "node_types": list(MADE.types),
        "worker_environment": {"LEASE_GROUP": MADE.lease_group},
    }
    assert deployment_of(json.dumps({name: {"value": value} for name, value in values.items()})) == MADE
    less = {name: {"value": values[name]} for name in ("account_id", "region")} | {"node_instance_id": {"value": None}}
    assert deployment_of(json.dumps(less)) == Deployment(MADE.account, MADE.region)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"account_id": "1"}', '{"account_id": {"value": "1"}}'])
def test_anything_else_is_refused_and_says_how_to_make_it(text: str) -> None:
    with pytest.raises(DeploymentError, match="terraform output -json"):
        deployment_of(text)

"""What is to be said of quotas, leases, and of what differs from Terraform: pure, over facts."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinyllama.domain.account import Machine
from tinyllama.domain.errors import TinyllamaError
from tinyllama.domain.findings import Finding, Severity
from tinyllama.domain.node import NODE_TAGS
from tinyllama.domain.prices import eur_per_hour

QUOTA, DRIFT, LEASE = "quotas", "drift", "leases"
LEASE_PREFIX = "tinyllama-lease-"
OUTPUTS = "terraform output -json > ../build/deployment.json"
_LATE_S = 300
"""EventBridge Scheduler may take a minute, and tries again when EC2 is busy."""
_VCPUS: Mapping[str, int] = {"g4dn.xlarge": 4, "g4dn.2xlarge": 8, "g5.xlarge": 4, "g6.xlarge": 4}
_ENOUGH_AT_ONCE = 100


class DeploymentError(TinyllamaError):
    """What Terraform is said to have made cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What Terraform says: empty where its outputs do not."""

    account: str = ""
    region: str = ""
    node: str = ""
    types: tuple[str, ...] = ()
    lease_group: str = ""


def deployment_of(text: str) -> Deployment:
    """Read what `terraform output -json` prints. Raises `DeploymentError`."""
    try:
        values = {name: output["value"] for name, output in json.loads(text).items()}
        worker = values.get("worker_environment") or {}
        return Deployment(
            account=values["account_id"],
            region=values["region"],
            node=values.get("node_instance_id") or "",
            types=tuple(values.get("node_types") or ()),
            lease_group=worker.get("LEASE_GROUP", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"this is not what Terraform prints ({type(error).__name__}: {error}): cd terraform && {OUTPUTS}"
        raise DeploymentError(message) from error


def account(found: str, region: str, deployment: Deployment) -> Finding:
    """Whether this is the account and the region of the deployment."""
    expected = (deployment.account, deployment.region)
    if not deployment.account:
        return Finding(Severity.NOTE, DRIFT, "account", f"{found}, {region}; not compared: cd terraform && {OUTPUTS}")
    if (found, region) != expected:
        text = f"looked at {found}, {region}, but Terraform made {', '.join(expected)}: other credentials, or region"
        return Finding(Severity.PROBLEM, DRIFT, "account", text)
    return Finding(Severity.FINE, DRIFT, "account", f"{found}, {region}")


def gpu_quota(vcpus: float, types: Iterable[str]) -> Finding:
    """Whether the account may run the biggest of these types; the quota counts vCPUs of G and VT instances."""
    needed = max((_VCPUS.get(one, 0) for one in types), default=0)
    if vcpus >= needed:
        return Finding(Severity.FINE, QUOTA, "G instances", f"{vcpus:.0f} vCPUs, {needed} needed")
    text = f"{vcpus:.0f} vCPUs, {needed} needed: a start fails with VcpuLimitExceeded; ask AWS (docs/deploy.md)"
    return Finding(Severity.WARNING, QUOTA, "G instances", text)


def concurrency_quota(at_once: float) -> Finding:
    """Whether enough functions may run at once."""
    if at_once >= _ENOUGH_AT_ONCE:
        return Finding(Severity.FINE, QUOTA, "Lambda concurrency", f"{at_once:.0f} at once")
    text = f"{at_once:.0f} at once: people who poll are refused now and then; ask AWS for 100 (docs/deploy.md)"
    return Finding(Severity.WARNING, QUOTA, "Lambda concurrency", text)


def drift(machines: Sequence[Machine], deployment: Deployment) -> Iterator[Finding]:
    """How the node differs from what Terraform says, and nodes that Terraform knows nothing of."""
    alive = {machine.id: machine for machine in machines if not machine.gone}
    if deployment.node:
        node = alive.get(deployment.node)
        if node is None:
            text = "Terraform has made it, and it is gone: terraform apply makes another one"
            yield Finding(Severity.PROBLEM, DRIFT, f"node {deployment.node}", text)
        else:
            yield from _node_drift(node, deployment)
    for machine in alive.values():
        if machine.node and deployment.account and machine.id != deployment.node:
            text = "tagged as our node, but not Terraform's: the router may start it; terminate it, or change its tags"
            yield Finding(Severity.WARNING, DRIFT, f"node {machine.name}", text)


def _node_drift(node: Machine, deployment: Deployment) -> Iterator[Finding]:
    wrong = [f"{key}={node.tags.get(key, '')!r}" for key, value in NODE_TAGS.items() if node.tags.get(key) != value]
    if wrong:
        text = f"tags {', '.join(wrong)}: nothing of ours finds it, and its lease cannot stop it; terraform apply"
        yield Finding(Severity.PROBLEM, DRIFT, f"node {node.name}", text)
    if deployment.types and node.type not in deployment.types:
        text = f"is a {node.type}, Terraform says {' or '.join(deployment.types)}: resize.yml, or change the variables"
        yield Finding(Severity.WARNING, DRIFT, f"node {node.name}", text)
    if not wrong and (not deployment.types or node.type in deployment.types):
        yield Finding(Severity.FINE, DRIFT, f"node {node.name}", f"{node.type}, tags as they should be")


def lease(machine: Machine, ends_at: int | None, *, now: float, region: str) -> Finding:
    """What keeps a running node from running for ever."""
    price = eur_per_hour(machine.type, region)
    cost = "" if price is None else f", for EUR {price} an hour"
    subject = f"node {machine.name}"
    if ends_at is None:
        text = f"{machine.state}{cost}, and nothing will stop it: playbooks/start.yml grants a lease, stop.yml stops it"
        return Finding(Severity.PROBLEM, LEASE, subject, text)
    left = round(ends_at - now)
    if left < -_LATE_S:
        text = f"{machine.state}{cost}; its lease ended {-left} s ago without stopping it: playbooks/stop.yml"
        return Finding(Severity.PROBLEM, LEASE, subject, text)
    return Finding(Severity.FINE, LEASE, subject, f"{machine.state}{cost}; AWS stops it in {max(0, left)} s")


def stray_leases(names: Iterable[str], machines: Iterable[Machine]) -> Iterator[Finding]:
    """Schedules for nodes that are gone: they stop nothing, and hide that something is wrong."""
    there = {f"{LEASE_PREFIX}{machine.id}" for machine in machines if not machine.gone}
    for name in names:
        if name.startswith(LEASE_PREFIX) and name not in there:
            text = "its node is gone: aws scheduler delete-schedule, unless it deletes itself when it fires"
            yield Finding(Severity.WARNING, LEASE, name, text)

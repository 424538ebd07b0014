"""What comes before a resize: find the node, refuse what cannot work, plan. Nothing is touched."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.resize import (
    Action,
    Goal,
    NodeFacts,
    ResizeError,
    Step,
    WantedState,
    choose,
    goal,
    plan,
    settled,
)
from tinyllama.resize.care import Journal

if TYPE_CHECKING:  # the ports bring pydantic, for which every task of a runbook would wait
    from tinyllama.ports import Leases, ShapedNodes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: None as type means the one it has, None as id the only node there is.

    `ladder` is the types to try, in order, when there is no capacity for the first. With `drain` the queue's door is
    closed before the node is stopped.
    """

    instance_type: str | None = None
    state: WantedState = WantedState.UNCHANGED
    instance_id: str | None = None
    ladder: tuple[str, ...] = ()
    drain: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A resize that was checked and planned, and has touched nothing yet. `was` is what a failure goes back to.

    `unfinished` tells that a run before was cut off; it is forgotten by carrying this one out, even if nothing is left.
    """

    node: Node
    facts: NodeFacts
    goal: Goal
    steps: tuple[Step, ...]
    was: Goal
    ladder: tuple[str, ...] = ()
    unfinished: bool = False

    @property
    def changes(self) -> bool:
        """Whether carrying it out changes anything, rather than only waits."""
        return any(step.changes for step in self.steps)


def prepare(
    nodes: "ShapedNodes", wanted: Wanted, *, journal: Journal | None = None, leases: "Leases | None" = None
) -> Prepared:
    """Find the node, plan, and refuse a type that it cannot take, all without touching it.

    A run that was cut off (`journal`) is what `unchanged` and the way back refer to. With `leases`, a node that runs
    without one is granted one.

    Raises:
        ResizeError: no node or several, a node that is gone, a type unknown or of another architecture.
        NodeError: EC2 did not answer, or refused to.
        LeaseError: whether there is a lease could not be found out.
    """
    node = choose(nodes.nodes(), wanted.instance_id)
    cut_off = journal.unfinished(node.id) if journal else None
    unfinished = cut_off if wanted.instance_type else None
    was = unfinished.was if unfinished else settled(node)
    state = wanted.state
    if unfinished and state is WantedState.UNCHANGED:
        state = WantedState(unfinished.wanted.state.value)
    steps = plan(node, wanted.instance_type, state, drain=wanted.drain)
    facts = nodes.facts(node.id)
    if wanted.instance_type is not None and wanted.instance_type != node.instance_type:
        _check_type(nodes, facts, wanted.instance_type)
    for rung in wanted.ladder:
        _check_type(nodes, facts, rung)
    end = goal(node, wanted.instance_type, state) if steps else Goal(node.instance_type, node.state)
    if leases and end.state is NodeState.RUNNING and not any(step.action is Action.START for step in steps):
        steps += _lease(node, leases)
    return Prepared(node, facts, end, steps, was, wanted.ladder, unfinished=cut_off is not None)


def _lease(node: Node, leases: "Leases") -> tuple[Step, ...]:
    missing = leases.ends_at(node.id) is None
    return (Step(Action.LEASE, "granted", "it runs without one, and nothing would stop it"),) if missing else ()


def _check_type(nodes: "ShapedNodes", facts: NodeFacts, instance_type: str) -> None:
    try:
        architectures = nodes.architectures(instance_type) if instance_type else frozenset()
    except NodeError as error:
        if error.code != "InvalidInstanceType":
            raise
        architectures = frozenset()
    if not architectures:
        raise ResizeError(
            f"There is no instance type '{instance_type}' in {facts.region}; nothing was touched. "
            "Check the spelling, for example g4dn.xlarge."
        )
    if facts.architecture not in architectures:
        raise ResizeError(
            f"{instance_type} has {' and '.join(sorted(architectures))} processors, but the node's disk was made for "
            f"{facts.architecture}; nothing was touched. Choose a type with {facts.architecture} processors."
        )
    if not nodes.offered(instance_type, facts.zone):
        raise ResizeError(
            f"{facts.zone} does not offer {instance_type}; nothing was touched. Take another type, or create the node "
            "in another zone."
        )

"""What comes before a resize: find the node, refuse what cannot work, plan. Nothing is touched."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node
from tinyllama.domain.resize import Goal, NodeFacts, ResizeError, Step, WantedState, choose, goal, plan

if TYPE_CHECKING:  # the ports bring pydantic, for which every task of a runbook would wait
    from tinyllama.ports import ShapedNodes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: None as type means the one it has, None as id the only node there is."""

    instance_type: str | None = None
    state: WantedState = WantedState.UNCHANGED
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A resize that was checked and planned, and has touched nothing yet."""

    node: Node
    facts: NodeFacts
    goal: Goal
    steps: tuple[Step, ...]

    @property
    def changes(self) -> bool:
        """Whether carrying it out changes anything, rather than only waits."""
        return any(step.changes for step in self.steps)


def prepare(nodes: "ShapedNodes", wanted: Wanted) -> Prepared:
    """Find the node, plan, and refuse a type that it cannot take, all without touching it.

    Raises:
        ResizeError: no node or several, a node that is gone, a type unknown or of another architecture.
        NodeError: EC2 did not answer, or refused to.
    """
    node = choose(nodes.nodes(), wanted.instance_id)
    steps = plan(node, wanted.instance_type, wanted.state)
    facts = nodes.facts(node.id)
    if wanted.instance_type is not None and wanted.instance_type != node.instance_type:
        _check_type(nodes, facts, wanted.instance_type)
    end = goal(node, wanted.instance_type, wanted.state) if steps else Goal(node.instance_type, node.state)
    return Prepared(node, facts, end, steps)


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

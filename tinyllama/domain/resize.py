"""Resizing a node: which steps, in which order, and back again when one of them fails.

EC2 changes the type of a *stopped* instance only, refuses to stop one that is still `pending`, and
to start one that is still `stopping`. A plan never asks for any of that. Everything here is pure;
`tinyllama.resize` carries plans out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tinyllama.domain.errors import TinyllamaError
from tinyllama.domain.node import NODE_TAGS, Node, NodeState


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a person wants to know about a node: its Name tag, the account id, where it is, its CPU architecture."""

    name: str
    account: str
    region: str
    zone: str
    architecture: str


class ResizeError(TinyllamaError):
    """The node was not resized.

    `restored` is None when nothing was touched, else whether the node is as it was before; `left` is the node as it is
    now, None where that is not known.
    """

    def __init__(self, message: str, *, restored: bool | None = None, left: Node | None = None) -> None:
        super().__init__(message)
        self.restored = restored
        self.left = left


class WantedState(StrEnum):
    """The state that the node shall be in at the end; `unchanged` is the one it was in (or on its way to)."""

    RUNNING = "running"
    STOPPED = "stopped"
    UNCHANGED = "unchanged"


class Action(StrEnum):
    """What a step does; all but `wait` and `drain` change something on AWS."""

    DRAIN = "drain"
    LEASE = "lease"
    STOP = "stop"
    START = "start"
    SET_TYPE = "set_type"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Step:
    """An action, what it is to bring about (a node state; of `set_type` the instance type), and why."""

    action: Action
    target: str
    reason: str

    @property
    def changes(self) -> bool:
        """Whether the step changes the node, or what is due to happen to it."""
        return self.action not in {Action.WAIT, Action.DRAIN}


@dataclass(frozen=True, slots=True)
class Goal:
    """How the node shall be at the end."""

    instance_type: str
    state: NodeState

    def __str__(self) -> str:
        """As people say it: `t3.small, stopped`."""
        return f"{self.instance_type}, {self.state}"

    def reached_by(self, node: Node) -> bool:
        """Whether the node is like that."""
        return (node.instance_type, node.state) == (self.instance_type, self.state)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that was cut off: what the node was like before it, to go back to, and what it was to become."""

    was: Goal
    wanted: Goal


_SETTLES = {
    NodeState.PENDING: NodeState.RUNNING,
    NodeState.RUNNING: NodeState.RUNNING,
    NodeState.STOPPING: NodeState.STOPPED,
    NodeState.STOPPED: NodeState.STOPPED,
}


def choose(nodes: Sequence[Node], instance_id: str | None = None) -> Node:
    """Return the one node that is meant: the one with that id, or else the only one there is.

    Raises:
        ResizeError: there is none, or there are several; the message says what to do.
    """
    tags = ", ".join(f"{key}={value}" for key, value in NODE_TAGS.items())
    alive = sorted((node for node in nodes if node.state in _SETTLES), key=lambda node: node.id)
    found = [node for node in alive if instance_id in {None, node.id}]
    listed = ", ".join(f"{node.id} ({node.instance_type}, {node.state})" for node in alive) or "none"
    if len(found) == 1:
        return found[0]
    if found:
        raise ResizeError(
            f"{len(found)} instances have the tags {tags}: {listed}. "
            "Name one with instance_id, and terminate or untag the others: each of them costs money."
        )
    what = f"The instance {instance_id} does not exist here, or" if instance_id else "No instance that"
    tail = "lacks the tags" if instance_id else "is not terminated has the tags"
    raise ResizeError(
        f"{what} {tail} {tags} (instances with them: {listed}). "
        "Check account and region, or create the node with `terraform apply`."
    )


def goal(before: Node, wanted_type: str | None, wanted_state: WantedState) -> Goal:
    """Return the node's type and state at the end.

    Raises:
        ResizeError: the node is terminated, or about to be.
    """
    if before.state not in _SETTLES:
        raise ResizeError(f"{before.id} is {before.state}: it cannot be changed any more. Create a new node.")
    settled = _SETTLES[before.state]
    state = settled if wanted_state is WantedState.UNCHANGED else NodeState(wanted_state.value)
    return Goal(before.instance_type if wanted_type is None else wanted_type, state)


def plan(before: Node, wanted_type: str | None, wanted_state: WantedState, *, drain: bool = False) -> tuple[Step, ...]:
    """Return the steps from `before` to what is wanted, none if nothing is to be done.

    With `drain`, the queue's door is closed before a running node is stopped.

    Raises:
        ResizeError: the node is terminated, or about to be.
    """
    end = goal(before, wanted_type, wanted_state)
    if before.instance_type == end.instance_type and wanted_state is WantedState.UNCHANGED:
        return ()
    return steps_to(before, end, drain=drain)


def settled(node: Node) -> Goal:
    """Return the type and the state that the node has, or is on its way to.

    Raises:
        ResizeError: the node is terminated, or about to be.
    """
    return goal(node, None, WantedState.UNCHANGED)


def steps_to(now: Node, end: Goal, *, drain: bool = False) -> tuple[Step, ...]:
    """Return the steps that bring the node from `now` to `end`.

    Raises:
        ResizeError: the node is terminated, or about to be.
    """
    state = settled(now).state
    steps: list[Step] = []
    if now.state is not state:
        steps.append(Step(Action.WAIT, state, f"a change is in progress: the node is {now.state}"))
    if now.instance_type != end.instance_type:
        if state is NodeState.RUNNING:
            steps += _stop("EC2 changes the type of a stopped instance only", drain=drain)
            state = NodeState.STOPPED
        steps.append(Step(Action.SET_TYPE, end.instance_type, f"the node is a {now.instance_type}"))
    if state is not end.state:
        reason = f"the node is to be {end.state} at the end"
        steps += _start(reason) if end.state is NodeState.RUNNING else _stop(reason, drain=drain)
    return tuple(steps)


def _stop(reason: str, *, drain: bool) -> tuple[Step, ...]:
    first = (Step(Action.DRAIN, "queue", "jobs on the node would be interrupted"),) if drain else ()
    return (
        *first,
        Step(Action.STOP, NodeState.STOPPED, reason),
        Step(Action.WAIT, NodeState.STOPPED, "stopping takes EC2 a while"),
    )


def _start(reason: str) -> tuple[Step, Step]:
    return (
        Step(Action.START, NodeState.RUNNING, reason),
        Step(Action.WAIT, NodeState.RUNNING, "starting takes EC2 a while, and may still fail"),
    )

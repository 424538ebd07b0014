"""`MemoryNodes` accepts and refuses what `Ec2Nodes` does against the strict local AWS."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.aws.seed import seed
from local.aws.server import StrictAws
from tinyllama.adapters.ec2_node import Ec2Nodes
from tinyllama.adapters.memory_nodes import MemoryNodes
from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import NodeState
from tinyllama.ports import ShapedNodes

CALLS: dict[str, Callable[[ShapedNodes, str], object]] = {
    "start": lambda nodes, node_id: nodes.start(node_id),
    "stop": lambda nodes, node_id: nodes.stop(node_id),
    "set_type": lambda nodes, node_id: nodes.set_type(node_id, "t3.medium"),
    "set_unknown_type": lambda nodes, node_id: nodes.set_type(node_id, "t3.huge"),
    "start_another": lambda nodes, _: nodes.start("i-0123456789abcdef0"),
    "facts_of_another": lambda nodes, _: nodes.facts("i-0123456789abcdef0"),
    "unknown_type": lambda nodes, _: nodes.architectures("t3.huge"),
    "type": lambda nodes, _: nodes.architectures("t4g.small"),
}
LEADS: dict[NodeState, list[tuple[str, float]]] = {
    NodeState.STOPPED: [],
    NodeState.PENDING: [("start", 0)],
    NodeState.RUNNING: [("start", 30)],
    NodeState.STOPPING: [("start", 30), ("stop", 0)],
}
"""What brings a stopped node into a state: calls, and the seconds after them."""


def bring_to_rest(nodes: Ec2Nodes, node_id: str, clock: "Clock") -> None:
    clock.advance(30)
    nodes.stop(node_id)
    clock.advance(20)
    nodes.set_type(node_id, "t3.small")


def outcome(nodes: ShapedNodes, node_id: str, call: str) -> tuple[object, NodeState]:
    """What a call answers or the code it fails with, and the state afterwards."""
    try:
        answer = CALLS[call](nodes, node_id)
    except NodeError as error:
        answer = error.code
    return answer, next(node.state for node in nodes.nodes() if node.id == node_id)


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def ec2(clock: Clock) -> Iterator[Any]:
    with StrictAws(boot_s=30, stop_s=20, clock=clock) as aws:
        seed(aws.url)
        yield aws.client("ec2")


@pytest.mark.parametrize("call", CALLS)
def test_the_twin_answers_as_ec2_in_every_state_and_as_time_passes(ec2: Any, clock: Clock, call: str) -> None:
    real = Ec2Nodes(ec2)
    (node,) = real.nodes()
    for state, lead in LEADS.items():
        bring_to_rest(real, node.id, clock)
        for action, seconds in lead:
            CALLS[action](real, node.id)
            clock.advance(seconds)
        twin = MemoryNodes(real.nodes()[0])
        assert twin[node.id].state is state
        assert outcome(twin, node.id, call) == outcome(real, node.id, call)
        for seconds in (19, 1, 9, 1):
            clock.advance(seconds)
            twin.advance(seconds)
            assert twin[node.id].state is real.nodes()[0].state, f"{call} in {state}"


def test_the_twin_knows_the_same_facts(ec2: Any) -> None:
    real = Ec2Nodes(ec2)
    (node,) = real.nodes()
    assert MemoryNodes(node).facts(node.id) == real.facts(node.id)

"""What `NodeControl` promises, in memory and on the strict local AWS, by boto3 and by forms that we sign."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.aws.seed import seed
from local.aws.server import REGION, StrictAws
from tests.integration.aws.instances import ManualClock
from tinyllama.adapters.aws_json import Keys
from tinyllama.adapters.ec2_node import Ec2Nodes
from tinyllama.adapters.ec2_query import Ec2Query
from tinyllama.adapters.ec2_quick import QuickEc2
from tinyllama.adapters.memory_nodes import MemoryNodes
from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node, NodeState
from tinyllama.ports import NodeControl


@dataclass
class NodeWorld:
    """One stopped t3.small, and a way to let its transitions finish."""

    control: NodeControl
    settle: Callable[[], None]

    def node(self) -> Node:
        [node] = self.control.nodes()
        return node


def memory() -> NodeWorld:
    nodes = MemoryNodes(Node("i-1", NodeState.STOPPED, "t3.small"), boot_s=1, stop_s=1)
    return NodeWorld(nodes, lambda: nodes.advance(1))


def signed(aws: StrictAws) -> Any:
    """What the watchdog and `tl_node` ask with; what it leaves to boto3 goes to that."""
    return QuickEc2(lambda: aws.client("ec2"), Ec2Query(REGION, Keys("testing", "testing", None), endpoint_url=aws.url))


@pytest.fixture(params=["memory", "boto3", "signed forms"])
def world(request: pytest.FixtureRequest) -> Iterator[NodeWorld]:
    if request.param == "memory":
        yield memory()
        return
    clock = ManualClock()
    with StrictAws(boot_s=1, stop_s=1, clock=clock) as aws:
        seed(aws.url)
        client = aws.client("ec2") if request.param == "boto3" else signed(aws)
        yield NodeWorld(Ec2Nodes(client), lambda: clock.advance(1))


def test_a_stopped_node_starts_and_stops_through_every_state(world: NodeWorld) -> None:
    assert world.node().state is NodeState.STOPPED
    assert world.control.start(world.node().id)
    assert world.node().state is NodeState.PENDING
    assert not world.control.start(world.node().id), "a second start is no second boot"
    world.settle()
    assert world.node().state is NodeState.RUNNING
    world.control.stop(world.node().id)
    assert world.node().state is NodeState.STOPPING
    world.settle()
    assert world.node().state is NodeState.STOPPED
    world.control.stop(world.node().id)


def test_a_stopped_node_says_when_it_was_told_to_stop(world: NodeWorld) -> None:
    world.control.start(world.node().id)
    world.settle()
    assert world.node().stopped_at is None
    world.control.stop(world.node().id)
    world.settle()
    ended, node = world.node().stopped_at, world.node()
    assert ended is not None
    assert 0 <= ended - int(node.launched_at) <= 5
    world.control.start(node.id)
    assert world.node().stopped_at is None


def test_a_stopping_node_cannot_be_started(world: NodeWorld) -> None:
    world.control.start(world.node().id)
    world.settle()
    world.control.stop(world.node().id)
    with pytest.raises(NodeError) as caught:
        world.control.start(world.node().id)
    assert caught.value.code == "IncorrectInstanceState"


def test_the_type_changes_only_while_the_node_is_stopped(world: NodeWorld) -> None:
    world.control.set_type(world.node().id, "g4dn.xlarge")
    assert world.node().instance_type == "g4dn.xlarge"
    world.control.start(world.node().id)
    world.settle()
    with pytest.raises(NodeError) as caught:
        world.control.set_type(world.node().id, "t3.small")
    assert caught.value.code == "IncorrectInstanceState"
    assert world.node().instance_type == "g4dn.xlarge"


def test_an_unknown_node_is_an_error_with_ec2_s_code(world: NodeWorld) -> None:
    for act in (world.control.start, world.control.stop):
        with pytest.raises(NodeError) as caught:
            act("i-0123456789abcdef0")
        assert caught.value.code == "InvalidInstanceID.NotFound"

"""Which calls a cold boot makes to EC2 (LAM-003), call by call: the stub refuses any other, and any other parameter."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.router.wake import Waker
from tinyllama.adapters.ec2_node import Ec2Nodes
from tinyllama.adapters.emf import EmfMetrics
from tinyllama.adapters.memory_boots import MemoryBootTimes
from tinyllama.adapters.memory_leases import MemoryLeases
from tinyllama.adapters.memory_queue import MemoryQueue
from tinyllama.domain.errors import ApiError
from tinyllama.domain.wake_switch import WakeSwitch

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BY_TAGS = {"Filters": [{"Name": "tag:Project", "Values": ["tinyllama"]}, {"Name": "tag:Role", "Values": ["gpu-node"]}]}


class Ec2:
    """A stubbed client and a waker on it."""

    def __init__(self, stub: Stubber, client: Any) -> None:
        self.stub = stub
        nodes, boots = Ec2Nodes(client), MemoryBootTimes(MemoryQueue())
        self._waker = Waker(lambda: nodes, MemoryLeases, boots, switch=WakeSwitch, clock=NOW.timestamp)

    def is_seen(self, state: str) -> None:
        instance = {"InstanceId": "i-1", "State": {"Name": state}, "InstanceType": "t3.small", "LaunchTime": NOW}
        self.stub.add_response("describe_instances", {"Reservations": [{"Instances": [instance]}]}, BY_TAGS)

    def is_started(self) -> None:
        change = {"InstanceId": "i-1", "PreviousState": {"Name": "stopped"}, "CurrentState": {"Name": "pending"}}
        self.stub.add_response("start_instances", {"StartingInstances": [change]}, {"InstanceIds": ["i-1"]})

    def wake(self) -> float:
        """Wake the node; returns how many starts were counted."""
        metrics = EmfMetrics()
        assert self._waker.wake(metrics, fresh=True) > 0
        self.stub.assert_no_pending_responses()
        return float(metrics.fields(0).get("EC2Starts", 0))


@pytest.fixture
def ec2() -> Iterator[Ec2]:
    client = boto3.client("ec2", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield Ec2(stub, client)


def test_the_node_is_found_by_its_tags_and_started_once(ec2: Ec2) -> None:
    ec2.is_seen("stopped")
    ec2.is_started()
    assert ec2.wake() == 1
    ec2.is_seen("pending")
    assert ec2.wake() == 0, "a node that boots is not started again"


@pytest.mark.parametrize("state", ["pending", "running", "stopping"])
def test_a_node_in_any_other_state_is_waited_for(ec2: Ec2, state: str) -> None:
    ec2.is_seen(state)
    assert ec2.wake() == 0


def test_a_start_that_ec2_refuses_is_said_in_its_own_words(ec2: Ec2) -> None:
    ec2.is_seen("stopped")
    ec2.stub.add_client_error("start_instances", "InsufficientInstanceCapacity", "None left.")
    with pytest.raises(ApiError) as caught:
        ec2.wake()
    assert caught.value.body == {"error": "start_failed", "detail": "InsufficientInstanceCapacity: None left."}

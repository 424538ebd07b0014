"""A look at EC2 without boto3 shows what boto3 shows; settings that it does not understand are boto3's."""

from typing import Any

import pytest
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import StateReason

from local.aws.queue import ACCOUNT_ID
from tests.ansible.conftest import Cloud
from tinyllama.adapters.ec2_node import Ec2Nodes, connect
from tinyllama.adapters.ec2_quick import QuickEc2, quick
from tinyllama.domain.errors import NodeError

HERE: dict[str, Any] = {"region": None, "endpoint_url": None}


def never() -> Any:
    raise AssertionError("boto3 was loaded")


@pytest.mark.parametrize("state", ["stopped", "pending", "running", "stopping"])
def test_it_shows_what_boto3_shows(cloud: Cloud, state: str) -> None:
    cloud.bring_to(state)
    cloud.aws.settings(boot_s=60, stop_s=60)
    looks = Ec2Nodes(quick(never, timeout_s=5, **HERE)), Ec2Nodes(connect())
    assert looks[0].nodes() == looks[1].nodes()
    assert looks[0].facts(cloud.node_id) == looks[1].facts(cloud.node_id)
    assert [call["parameters"]["Action"] for call in cloud.aws.calls("ec2", "DescribeInstances")][-2:] == [
        ["DescribeInstances"],
        ["DescribeInstances"],
    ]


def test_both_see_that_a_node_turned_itself_off(cloud: Cloud) -> None:
    [instance] = ec2_backends[ACCOUNT_ID]["eu-central-1"].all_instances()
    code = "Client.InstanceInitiatedShutdown"
    instance._reason, instance.state_reason = "", StateReason(f"{code}: Instance initiated shutdown", code)
    for client in (quick(never, timeout_s=5, **HERE), connect()):
        [node] = Ec2Nodes(client).nodes()
        assert (node.stopped_itself, node.stopped_at) == (True, None)


@pytest.mark.parametrize(("instance_type", "zone"), [("g4dn.xlarge", "eu-central-1a"), ("t4g.small", "eu-central-1z")])
def test_it_knows_of_instance_types_what_boto3_knows(cloud: Cloud, instance_type: str, zone: str) -> None:
    looks = Ec2Nodes(quick(never, timeout_s=5, **HERE)), Ec2Nodes(connect())
    assert looks[0].architectures(instance_type) == looks[1].architectures(instance_type) != frozenset()
    assert looks[0].offered(instance_type, zone) == looks[1].offered(instance_type, zone) == (zone[-1] == "a")
    quickly, by_boto3 = [call["parameters"] for call in cloud.aws.calls("ec2", "DescribeInstanceTypeOfferings")]
    assert quickly == by_boto3


def test_a_type_that_there_is_not_is_refused_as_to_boto3(cloud: Cloud) -> None:
    codes = []
    for client in (quick(never, timeout_s=5, **HERE), connect()):
        with pytest.raises(NodeError) as caught:
            Ec2Nodes(client).architectures("t3.nano-enormous")
        codes.append(caught.value.code)
    assert codes == ["InvalidInstanceType"] * 2


def test_no_node_is_shown_as_none(cloud: Cloud) -> None:
    assert Ec2Nodes(quick(never, timeout_s=5, region="eu-west-1", endpoint_url=None)).nodes() == ()


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_what_it_does_not_understand_is_left_to_boto3(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "true")
    assert quick(lambda: "boto3", timeout_s=5, **HERE) == "boto3"
    monkeypatch.delenv(name)
    assert isinstance(quick(never, timeout_s=5, **HERE), QuickEc2)

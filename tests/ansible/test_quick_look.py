"""A look at EC2 without boto3 shows what boto3 shows; settings that it does not understand are boto3's."""

from typing import Any

import pytest

from tests.ansible.conftest import Cloud
from tinyllama.adapters.ec2_node import Ec2Nodes, connect
from tinyllama.adapters.ec2_quick import QuickEc2, quick

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


def test_no_node_is_shown_as_none(cloud: Cloud) -> None:
    assert Ec2Nodes(quick(never, timeout_s=5, region="eu-west-1", endpoint_url=None)).nodes() == ()


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_what_it_does_not_understand_is_left_to_boto3(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "true")
    assert quick(lambda: "boto3", timeout_s=5, **HERE) == "boto3"
    monkeypatch.delenv(name)
    assert isinstance(quick(never, timeout_s=5, **HERE), QuickEc2)

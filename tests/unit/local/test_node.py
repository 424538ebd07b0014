"""The node runner: which machines there are, given what EC2 says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import node
from local.machine import Site
from local.node import NodeRunner

SITE = Site(
    aws_url="http://aws.test",
    region="eu-central-1",
    queue={"REDIS_HOST": "127.0.0.1"},
    reply_bucket="replies",
    run_dir=Path("run"),
    log_dir=Path("logs"),
)


class FakeMachine:
    """Writes down what is done with it; its shutdown takes one look more."""

    def __init__(self, _site: Site, identity: Any, say: Any) -> None:
        self.done: list[str] = []
        machines.append(self)

    def tend(self) -> None:
        self.done.append("tend")

    def drain(self) -> None:
        self.done.append("drain")

    def off(self) -> bool:
        self.done.append("off")
        return self.done.count("off") > 1

    def cut(self) -> None:
        self.done.append("cut")


machines: list[FakeMachine] = []


class FakeEc2:
    """One instance, as the test sets it."""

    state, launch, blind = "stopped", 1, False

    def describe_instances(self, **_: Any) -> dict[str, Any]:
        if self.blind:
            raise ClientError({"Error": {"Code": "RequestLimitExceeded"}}, "DescribeInstances")
        instance = {
            "InstanceId": "i-1",
            "InstanceType": "t3.small",
            "ImageId": "ami-1",
            "State": {"Name": self.state},
            "LaunchTime": datetime.fromtimestamp(self.launch, UTC),
        }
        return {"Reservations": [{"Instances": [instance]}]}


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> FakeEc2:
    machines.clear()
    monkeypatch.setattr(node, "Machine", FakeMachine)
    return FakeEc2()


def steps(runner: NodeRunner, ec2: FakeEc2, *states: str) -> None:
    for ec2.state in states:
        runner.step()


def test_a_machine_lives_from_running_to_stopped(ec2: FakeEc2) -> None:
    runner = NodeRunner(SITE, ec2)

    steps(runner, ec2, "stopped", "pending")
    assert machines == []
    steps(runner, ec2, "running", "running", "stopping", "stopping", "stopped", "stopped", "stopped")

    (only,) = machines
    assert only.done == ["tend", "tend", "drain", "drain", "off", "off"]


def test_a_start_that_follows_a_stop_unseen_is_a_new_boot(ec2: FakeEc2) -> None:
    runner = NodeRunner(SITE, ec2)
    steps(runner, ec2, "running")
    ec2.launch = 2
    steps(runner, ec2, "running")

    first, second = machines
    assert first.done[-1] == "cut"
    assert second.done == ["tend"]


def test_a_machine_goes_on_while_ec2_does_not_answer(ec2: FakeEc2, capsys: pytest.CaptureFixture[str]) -> None:
    runner = NodeRunner(SITE, ec2)
    steps(runner, ec2, "running")
    ec2.blind = True
    runner.step()
    runner.step()

    assert machines[0].done == ["tend", "tend", "tend"]
    assert capsys.readouterr().out.count("cannot see the instances") == 1


def test_a_terminated_instance_has_no_machine(ec2: FakeEc2) -> None:
    runner = NodeRunner(SITE, ec2)
    steps(runner, ec2, "running", "shutting-down", "terminated", "terminated")

    assert machines[0].done == ["tend", "drain", "off", "off"]


def test_it_looks_often_only_while_something_is_about_to_happen(ec2: FakeEc2) -> None:
    runner = NodeRunner(SITE, ec2)
    ec2.state = "pending"
    pending = runner.step()
    ec2.state = "running"
    assert pending < runner.step()


def test_where_there_is_an_image_the_machine_is_a_container(monkeypatch: pytest.MonkeyPatch, ec2: FakeEc2) -> None:
    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(node, "Machine", never)
    monkeypatch.setattr(node, "Container", FakeMachine)
    runner = NodeRunner(SITE.model_copy(update={"node_image": "localhost/node:1"}), ec2)

    steps(runner, ec2, "running", "running")

    (only,) = machines
    assert only.done == ["tend", "tend"]

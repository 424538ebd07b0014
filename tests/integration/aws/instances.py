"""Shorthand for what most tests here do with instances."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws.ec2.images import UBUNTU_22_04


class ManualClock:
    """Stands still unless told to advance, so that no test depends on how busy the machine is."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


CLOCK = ManualClock()


def launch(ec2: Any, instance_type: str = "t3.small", **more: Any) -> str:
    """Run one instance and return its id."""
    answer = ec2.run_instances(ImageId=UBUNTU_22_04, InstanceType=instance_type, MinCount=1, MaxCount=1, **more)
    return str(answer["Instances"][0]["InstanceId"])


def describe(ec2: Any, instance_id: str) -> dict[str, Any]:
    """Return what DescribeInstances says about it."""
    found: dict[str, Any] = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    return found


def wait_for(ec2: Any, instance_id: str, state: str) -> dict[str, Any]:
    """Let time pass, second by second, until the instance has the state."""
    for _ in range(20):
        if (found := describe(ec2, instance_id))["State"]["Name"] == state:
            return found
        CLOCK.advance(1)
    pytest.fail(f"still {found['State']['Name']} after 20 s")


def stopped_instance(ec2: Any, instance_type: str = "t3.small") -> str:
    """Run one instance and stop it, through all its states."""
    instance_id = launch(ec2, instance_type)
    wait_for(ec2, instance_id, "running")
    ec2.stop_instances(InstanceIds=[instance_id])
    wait_for(ec2, instance_id, "stopped")
    return instance_id


def refused(call: Any, **parameters: Any) -> tuple[str, int, str]:
    """Make the call, which has to fail; return AWS's code, the HTTP status and the message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]

"""Elastic IPs: what EC2 refuses."""

from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import CLOCK, launch, refused


@pytest.fixture
def ec2(aws: StrictAws) -> Any:
    return aws.client("ec2")


def allocated(ec2: Any) -> str:
    return str(ec2.allocate_address(Domain="vpc")["AllocationId"])


def holder(ec2: Any, address: str) -> str:
    return str(ec2.describe_addresses(AllocationIds=[address])["Addresses"][0].get("InstanceId") or "")


def test_an_address_in_use_is_not_released(aws: StrictAws, ec2: Any) -> None:
    node, address = launch(ec2), allocated(ec2)
    CLOCK.advance(5)
    aws.tick()
    association = ec2.associate_address(InstanceId=node, AllocationId=address)["AssociationId"]
    assert refused(ec2.release_address, AllocationId=address)[0] == "InvalidIPAddress.InUse"
    ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=address)
    assert ec2.describe_addresses()["Addresses"] == []


def test_a_node_that_boots_takes_none(ec2: Any) -> None:
    node, address = launch(ec2), allocated(ec2)
    assert refused(ec2.associate_address, InstanceId=node, AllocationId=address)[0] == "InvalidInstanceID"


def test_a_second_address_takes_the_place_of_the_first_and_somebody_elses_is_not_taken(
    aws: StrictAws, ec2: Any
) -> None:
    node, other, first, second = launch(ec2), launch(ec2), allocated(ec2), allocated(ec2)
    CLOCK.advance(5)
    aws.tick()
    ec2.associate_address(InstanceId=node, AllocationId=first)
    ec2.associate_address(InstanceId=node, AllocationId=second)
    assert (holder(ec2, first), holder(ec2, second)) == ("", node)
    taken = refused(ec2.associate_address, InstanceId=other, AllocationId=second, AllowReassociation=False)
    assert (taken[0], holder(ec2, second)) == ("Resource.AlreadyAssociated", node)

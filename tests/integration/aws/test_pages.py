"""Lists of the local EC2: pages as big as asked for, each thing once, and only what belongs to whom was asked for."""

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import refused


@pytest.mark.parametrize(("count", "size", "pages"), [(12, 5, 3), (10, 5, 2), (3, 5, 1)])
def test_every_volume_comes_once_in_pages_of_the_size_asked_for(
    aws: StrictAws, count: int, size: int, pages: int
) -> None:
    ec2 = aws.client("ec2")
    made = {ec2.create_volume(AvailabilityZone="eu-central-1a", Size=1)["VolumeId"] for _ in range(count)}
    aws.clear()
    found = ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": size})
    ids = [volume["VolumeId"] for page in found for volume in page["Volumes"]]
    assert (len(ids), set(ids)) == (count, made)
    assert len(aws.calls("ec2", "DescribeVolumes")) == pages


def test_without_a_size_all_comes_at_once(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    assert "NextToken" not in ec2.describe_images(Owners=["099720109477"])
    assert len(ec2.describe_images(Owners=["099720109477"])["Images"]) == 4


@pytest.mark.parametrize("given", [{"MaxResults": 4}, {"MaxResults": 2_000}, {"MaxResults": 5, "NextToken": "x"}])
def test_a_size_or_token_that_ec2_does_not_give_is_refused(aws: StrictAws, given: dict[str, object]) -> None:
    assert refused(aws.client("ec2").describe_snapshots, **given)[0] == "InvalidParameterValue"


def test_snapshots_of_canonicals_images_are_canonicals(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    volume = ec2.create_volume(AvailabilityZone="eu-central-1a", Size=1)["VolumeId"]
    made = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    assert [one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]] == [made]
    assert len(ec2.describe_snapshots(OwnerIds=["099720109477"])["Snapshots"]) == 4

"""The runbook `playbooks/bake_ami.yml` against the strict local AWS. The host is this machine, and no role is applied:
what roles do is tested on systemd hosts (docs/hosts.md); here it is images, hosts, and what is left of them."""

import base64
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.ansible.conftest import Cloud, Run

# Each run is three plays; on a busy machine they take their time.
pytestmark = pytest.mark.timeout(240)
Bake = Callable[..., Run]


@pytest.fixture
def bake(runbook: Bake) -> Bake:
    here = {"bake_connection": "local", "ansible_python_interpreter": sys.executable, "poll_interval": "0.1"}

    def run(*flags: str, **inputs: str) -> Run:
        none = [] if "bake_roles" in inputs else ["--extra-vars={bake_roles: []}"]
        return runbook("bake_ami", *none, *flags, **here | inputs)

    return run


def images(cloud: Cloud, role: str = "gpu-node") -> list[dict[str, Any]]:
    found = cloud.ec2.describe_images(Owners=["self"], Filters=[{"Name": "tag:Role", "Values": [role]}])
    answer: list[dict[str, Any]] = found["Images"]
    return answer


def hosts_left(cloud: Cloud) -> list[str]:
    found = cloud.ec2.describe_instances(Filters=[{"Name": "tag:Role", "Values": ["image-build"]}])["Reservations"]
    hosts = [host for group in found for host in group["Instances"]]
    return [host["InstanceId"] for host in hosts if host["State"]["Name"] not in {"shutting-down", "terminated"}]


def test_check_touches_nothing_and_a_bake_makes_a_tagged_image_and_leaves_no_host(cloud: Cloud, bake: Bake) -> None:
    looked = bake("--check")
    assert looked.code == 0, looked.output
    assert [call for call in cloud.aws.calls("ec2") if call["write"]] == []
    done = bake()
    assert done.code == 0, done.output
    [image] = images(cloud)
    tags = {tag["Key"]: tag["Value"] for tag in image["Tags"]}
    assert tags["Project"] == "tinyllama"
    assert tags["Base"] == "ami-00000000000002204"
    assert tags["Revision"]
    assert hosts_left(cloud) == []
    [launch] = cloud.aws.calls("ec2", "RunInstances")
    assert launch["parameters"]["InstanceInitiatedShutdownBehavior"] == ["terminate"]
    script = base64.b64decode(launch["parameters"]["UserData"][0]).decode()
    assert script == "#!/bin/sh\nshutdown -h +120\n", "it ends, whatever becomes of the playbook"
    again = bake()
    assert again.code == 0, again.output
    assert "There is an image of revision" in again.output
    assert len(images(cloud)) == 1


def test_old_images_and_their_snapshots_are_pruned_and_those_of_another_role_are_not(cloud: Cloud, bake: Bake) -> None:
    assert bake(role="builder").code == 0
    for _ in range(2):
        done = bake(force="true", keep="1")
        assert done.code == 0, done.output
    [image] = images(cloud)
    assert len(images(cloud, "builder")) == 1
    snapshots = cloud.ec2.describe_snapshots(Filters=[{"Name": "tag:Role", "Values": ["gpu-node"]}])["Snapshots"]
    kept = {disk["Ebs"]["SnapshotId"] for disk in image["BlockDeviceMappings"]}
    assert {snapshot["SnapshotId"] for snapshot in snapshots} <= kept


def test_a_host_that_cannot_be_configured_is_terminated_and_no_image_is_made(cloud: Cloud, bake: Bake) -> None:
    run = bake(bake_roles="[no_such_role]", bake_patience_s="5")
    assert run.code == 2, run.output
    assert "No image was made" in run.output
    assert images(cloud) == []
    assert hosts_left(cloud) == []


def test_an_image_that_cannot_be_made_leaves_no_host(cloud: Cloud, bake: Bake) -> None:
    cloud.aws.fail("ec2:CreateImage", "InsufficientFreeAddressesInSubnet", times=None)
    run = bake()
    assert run.code == 2
    assert hosts_left(cloud) == []


def test_a_base_image_that_is_not_there_is_named(cloud: Cloud, bake: Bake) -> None:
    cloud.aws.fail("ec2:RunInstances", "InvalidAMIID.NotFound", times=None)
    run = bake(base="ami-0123456789abcdef0")
    assert run.code == 2
    assert "InvalidAMIID.NotFound" in run.output
    assert hosts_left(cloud) == []

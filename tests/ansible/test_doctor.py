"""The module `tl_doctor` and the runbook `doctor.yml` on the strict local AWS, which has things to be found."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from moto.ec2.models import ec2_backends

from library import tl_doctor
from tests.ansible.conftest import Cloud, Run

Module = Callable[..., dict[str, Any]]
Runbook = Callable[..., Run]
SERVICES = ("ec2", "lambda", "elasticache", "scheduler", "service-quotas", "sts")
TODAY = "2026-11-23"
ALL_WELL = {"today": "2026-01-01"}


@pytest.fixture
def module(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Module:
    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            tl_doctor.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def outputs(cloud: Cloud, folder: Path, **changed: Any) -> str:
    """A file as `terraform output -json` would write it, of this account."""
    values = {
        "account_id": "123456789012",
        "region": "eu-central-1",
        "node_instance_id": cloud.node_id,
        "node_types": ["t3.small", "g4dn.xlarge"],
        "worker_environment": {"LEASE_GROUP": "default"},
        **changed,
    }
    path = folder / "deployment.json"
    path.write_text(json.dumps({name: {"value": value} for name, value in values.items()}))
    return str(path)


def found(answer: dict[str, Any], *severities: str) -> list[tuple[str, str]]:
    return [(one["area"], one["subject"]) for one in answer["findings"] if one["severity"] in severities]


def writes(cloud: Cloud) -> list[str]:
    return [call for service in SERVICES for call in cloud.writes(service)]


def test_a_fresh_account_is_fine_and_nothing_is_written(cloud: Cloud, module: Module, tmp_path: Path) -> None:
    options = {**ALL_WELL, "deployment": outputs(cloud, tmp_path)}
    checked, real = module(check=True, **options), module(**options)
    assert {**checked, "invocation": 0} == {**real, "invocation": 0}
    assert (real["changed"], real["verdict"], real["exit_code"]) == (False, "fine", 0), real["table"]
    assert found(real, "note", "unseen", "warning", "problem") == []
    assert writes(cloud) == []


def test_what_nobody_uses_is_found_with_its_price(cloud: Cloud, module: Module) -> None:
    zone = {"AvailabilityZone": "eu-central-1a"}
    volume = cloud.ec2.create_volume(**zone, Size=100, VolumeType="gp3")["VolumeId"]
    snapshot = cloud.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    address = cloud.ec2.allocate_address(Domain="vpc")["AllocationId"]
    run = {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-00000000000002204"}
    instance = cloud.ec2.run_instances(**run, InstanceType="g4dn.xlarge")["Instances"][0]["InstanceId"]
    image = cloud.ec2.create_image(InstanceId=cloud.node_id, Name="mine")["ImageId"]
    answer = module(**ALL_WELL)
    costs = {one["subject"]: one["eur_month"] for one in answer["findings"] if one["area"] == "orphans"}
    assert costs[f"volume {volume}"] == "8.33"
    assert costs[f"snapshot {snapshot}"] == "4.72"
    assert costs[f"address {address}"] == "3.19"
    assert float(costs[f"instance {instance}"]) > 420
    assert f"image {image}" in costs
    assert len(costs) == 5
    assert answer["exit_code"] == 2


def test_five_hundred_volumes_are_all_found_page_by_page(cloud: Cloud, module: Module) -> None:
    ec2 = ec2_backends["123456789012"]["eu-central-1"]
    made = {ec2.create_volume(size=10, zone_name="eu-central-1a", volume_type="gp3").id for _ in range(500)}
    answer = module(**ALL_WELL)
    assert {subject.removeprefix("volume ") for area, subject in found(answer, "warning")} == made
    assert len(cloud.aws.calls("ec2", "DescribeVolumes")) == 3
    assert "480 more" in answer["table"]
    assert "500 warning" in answer["summary"]
    assert "EUR 415.00 a month" in answer["summary"]  # 500 * 0.83


def test_a_running_node_without_a_lease_is_a_problem_and_with_one_it_is_not(
    cloud: Cloud, module: Module, tl_node_module: Module
) -> None:
    cloud.bring_to("running")
    node = ("leases", f"node {cloud.node_id} (tinyllama-gpu)")
    assert found(module(lease_group="default", **ALL_WELL), "problem") == [node]
    tl_node_module(state="running", lease=True)
    answer = module(lease_group="default", **ALL_WELL)
    assert (found(answer, "problem"), node in found(answer, "fine")) == ([], True)


def test_a_schedule_without_a_node_is_found(cloud: Cloud, module: Module, tl_node_module: Module) -> None:
    tl_node_module(state="running", lease=True)
    cloud.ec2.terminate_instances(InstanceIds=[cloud.node_id])
    assert ("leases", f"tinyllama-lease-{cloud.node_id}") in found(module(lease_group="default", **ALL_WELL), "warning")


def test_drift_from_terraform_is_found(cloud: Cloud, module: Module, tmp_path: Path) -> None:
    cloud.ec2.delete_tags(Resources=[cloud.node_id], Tags=[{"Key": "Role"}])
    answer = module(**ALL_WELL, deployment=outputs(cloud, tmp_path, node_types=["g4dn.xlarge"]))
    drifted = ("drift", f"node {cloud.node_id} (tinyllama-gpu)")
    assert (drifted in found(answer, "problem"), drifted in found(answer, "warning")) == (True, True)
    other = module(**ALL_WELL, deployment=outputs(cloud, tmp_path, region="eu-west-1"))
    assert ("drift", "account") in found(other, "problem")


ALWAYS = {
    ("drift", "account"),
    ("quotas", "G instances"),
    ("quotas", "Lambda concurrency"),
    ("end of life", "Ubuntu 22.04"),
    ("end of life", f"Python {sys.version_info.major}.{sys.version_info.minor}"),
}
FORBIDDEN = {
    "service-quotas:GetServiceQuota": {("quotas", "G instances"), ("quotas", "Lambda concurrency")},
    "lambda:ListFunctions": {("end of life", "functions")},
    "elasticache:DescribeCacheClusters": {("end of life", "Redis")},
    "scheduler:ListSchedules": {("leases", "schedules")},
    "ec2:DescribeAddresses": {("orphans", "addresses")},
    "ec2:DescribeVolumes": {("orphans", "volumes"), ("orphans", "instances")},
    "ec2:DescribeSnapshots": {("orphans", "snapshots"), ("orphans", "images")},
}


@pytest.mark.parametrize("operation", FORBIDDEN)
def test_what_may_not_be_looked_at_is_said_and_the_rest_is_looked_at(
    cloud: Cloud, module: Module, operation: str
) -> None:
    cloud.aws.fail(operation, "AccessDenied", times=None, status=403, message="You may not.")
    answer = module(**ALL_WELL)
    unseen = found(answer, "unseen")
    assert set(unseen) == FORBIDDEN[operation]
    assert all("AccessDenied: You may not." in one["text"] for one in answer["findings"] if one["severity"] == "unseen")
    assert set(found(answer, "fine", "note")) == ALWAYS - set(unseen)
    assert (answer["verdict"], answer["exit_code"]) == ("unseen", 4)


def test_versions_are_judged_by_the_day(cloud: Cloud, module: Module) -> None:
    ubuntu = ("end of life", "Ubuntu 22.04")
    for day, severity in (("2026-01-01", "fine"), (TODAY, "warning"), ("2027-05-01", "problem")):
        assert ubuntu in found(module(today=day), severity)


def test_a_baked_image_is_the_ubuntu_that_it_was_baked_from(cloud: Cloud, module: Module) -> None:
    tags = [{"Key": "Base", "Value": "ami-00000000000002404"}]
    specification = [{"ResourceType": "image", "Tags": tags}]
    baked = cloud.ec2.create_image(InstanceId=cloud.node_id, Name="baked", TagSpecifications=specification)["ImageId"]
    ours = [{"Key": "Project", "Value": "tinyllama"}, {"Key": "Role", "Value": "builder"}]
    run = {"MinCount": 1, "MaxCount": 1, "InstanceType": "t3.small", "ImageId": baked}
    cloud.ec2.run_instances(**run, TagSpecifications=[{"ResourceType": "instance", "Tags": ours}])
    assert {("end of life", "Ubuntu 22.04"), ("end of life", "Ubuntu 24.04")} <= set(found(module(**ALL_WELL), "fine"))


def test_without_a_region_it_says_what_to_set(module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert "set AWS_REGION" in module(**ALL_WELL)["msg"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"today": "tomorrow"}, "write it as 2027-01-31"),
        ({"deployment": "README.md"}, "terraform output -json"),
        ({"deployment": "nowhere.json"}, "nowhere.json: "),
        ({"judge": [{"severity": "bad"}]}, "findings of an earlier look"),
        ({"judge": [{}]}, "findings of an earlier look"),
        ({"fail_on": "unseen"}, "value of fail_on must be one of"),
    ],
)
def test_bad_input_is_refused_before_anybody_is_asked(
    cloud: Cloud, module: Module, options: dict[str, Any], says: str
) -> None:
    answer = module(**options)
    assert (answer["failed"], says in answer["msg"]) == (True, True), answer["msg"]
    assert [call for service in SERVICES for call in cloud.aws.calls(service)] == []


def test_without_credentials_it_knows_that_it_knows_nothing(
    cloud: Cloud, module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials that it has found
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    answer = module(**ALL_WELL)
    assert [one["area"] for one in answer["findings"] if one["severity"] != "unseen"] == ["end of life"]  # Python's
    assert ("drift", "account") in found(answer, "unseen")
    assert "Unable to locate credentials" in answer["table"]
    assert answer["exit_code"] == 4


def test_the_runbook_ends_with_0_when_all_is_well_and_check_leaves_no_line(
    cloud: Cloud, runbook: Runbook, tmp_path: Path
) -> None:
    well = runbook("doctor", "--check", **ALL_WELL, deployment=outputs(cloud, tmp_path))
    assert (well.code, well.audit, writes(cloud)) == (0, [], []), well.output
    assert "fine      drift" in well.output


def test_the_runbook_ends_with_4_when_it_could_not_look(cloud: Cloud, runbook: Runbook, tmp_path: Path) -> None:
    cloud.aws.fail("ec2:DescribeAddresses", "UnauthorizedOperation", times=None, status=403)
    unseen = runbook("doctor", **ALL_WELL, deployment=outputs(cloud, tmp_path))
    assert (unseen.code, "could not look: ec2 describe_addresses" in unseen.output) == (4, True), unseen.output
    assert unseen.audit[-1]["outcome"] == "failed"


def test_the_runbook_ends_with_2_for_what_is_bad_and_leaves_an_audit_line(cloud: Cloud, runbook: Runbook) -> None:
    cloud.ec2.create_volume(AvailabilityZone="eu-central-1a", Size=100)
    cloud.aws.clear()
    bad = runbook("doctor", **ALL_WELL)
    assert (bad.code, bad.changed, writes(cloud)) == (2, 0, []), bad.output
    assert bad.output.index("severity  about") < bad.output.index("Exit code 2.")
    assert [(line["what"], line["outcome"]) for line in bad.audit] == [("doctor", "failed")]

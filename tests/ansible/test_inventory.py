"""The dynamic inventory as Ansible asks it, against the strict local AWS."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ansible.conftest import BIN, ROOT, Cloud

SCRIPT = ROOT / "inventory" / "aws.py"
pytestmark = pytest.mark.usefixtures("cloud")


def ask() -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([sys.executable, SCRIPT, "--list"], env=env, capture_output=True, text=True, check=False)


def listed() -> dict[str, Any]:
    done = ask()
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def launch(cloud: Cloud, number: int, role: str, name: str = "") -> list[str]:
    tags = [{"Key": "Project", "Value": "tinyllama"}, {"Key": "Role", "Value": role}]
    tags += [{"Key": "Name", "Value": name}] if name else []
    image = cloud.ec2.describe_instances()["Reservations"][0]["Instances"][0]["ImageId"]
    made = cloud.ec2.run_instances(
        ImageId=image,
        InstanceType="t3.small",
        MinCount=number,
        MaxCount=number,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    return [instance["InstanceId"] for instance in made["Instances"]]


def test_a_stopped_node_is_listed_but_in_no_group_that_a_playbook_targets(cloud: Cloud) -> None:
    found = listed()
    assert found["asleep"]["hosts"] == found["tinyllama"]["hosts"] == ["tinyllama-gpu"]
    assert found["gpu_node"]["hosts"] == []
    assert found["_meta"]["hostvars"]["tinyllama-gpu"]["instance_state"] == "stopped"


def test_a_running_node_is_in_the_group_of_its_role(cloud: Cloud) -> None:
    cloud.bring_to("running")
    found = listed()
    assert found["gpu_node"]["hosts"] == ["tinyllama-gpu"]
    assert found["asleep"]["hosts"] == []
    told = found["_meta"]["hostvars"]["tinyllama-gpu"]
    assert (told["instance_id"], told["aws_region"]) == (cloud.node_id, "eu-central-1")


def test_without_instances_the_groups_are_empty_and_nothing_fails(cloud: Cloud) -> None:
    cloud.ec2.terminate_instances(InstanceIds=[cloud.node_id])
    found = listed()
    assert {name: group["hosts"] for name, group in found.items() if name != "_meta"} == {
        "gpu_node": [],
        "builder": [],
        "asleep": [],
        "tinyllama": [],
    }


def test_instances_of_others_are_not_ours(cloud: Cloud) -> None:
    launch(cloud, 1, "database")
    assert listed()["tinyllama"]["hosts"] == ["tinyllama-gpu"]


def test_500_instances_take_as_many_calls_as_pages_and_are_all_there(cloud: Cloud) -> None:
    # The local AWS counts reservations where AWS counts instances: 6 of them, 2 a page.
    launched = [made for _ in range(5) for made in launch(cloud, 100, "builder", name="builder")]
    cloud.aws.clear()
    module = runpy.run_path(str(SCRIPT))
    module["instances"].__globals__["PAGE"] = 2
    found = module["inventory"](module["instances"](cloud.ec2))
    assert {host["instance_id"] for host in found["_meta"]["hostvars"].values()} == {cloud.node_id, *launched}
    assert len(found["tinyllama"]["hosts"]) == 501
    assert len(cloud.aws.calls("ec2", "DescribeInstances")) == 3


def test_aws_that_refuses_is_said_in_a_line(cloud: Cloud) -> None:
    cloud.aws.fail("ec2:DescribeInstances", "UnauthorizedOperation", times=None)
    done = ask()
    assert done.returncode == 1
    assert "UnauthorizedOperation" in done.stderr
    assert "AWS_PROFILE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("connection", "host"), [("ssm", "i-"), ("ssh", "")])
def test_the_connection_is_a_variable(cloud: Cloud, connection: str, host: str, tmp_path: Path) -> None:
    cloud.bring_to("running")
    shown = subprocess.run(
        [
            *(BIN / "ansible", "-i", SCRIPT, "gpu_node", "-e", f"tl_connection={connection}"),
            *("-m", "ansible.builtin.debug", "-a", "msg='{{ ansible_host }} {{ ansible_ssh_common_args }}'"),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert ("aws ssm start-session" in shown.stdout) == (connection == "ssm")
    assert (cloud.node_id in shown.stdout) == bool(host)


def test_ssh_lets_a_key_in_and_goes_through_session_manager(cloud: Cloud, tmp_path: Path) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("there is no ssh on this machine")
    cloud.bring_to("running")
    called, aws = tmp_path / "called", tmp_path / "aws"
    aws.write_text(f'#!/bin/sh\necho "$*" >>{called}\ntest "$1" = ec2-instance-connect\n')  # the tunnel fails
    aws.chmod(0o755)
    key = tmp_path / "key.pub"
    done = subprocess.run(
        [
            *(BIN / "ansible", "-i", SCRIPT, "gpu_node", "-m", "ansible.builtin.raw", "-a", "true"),
            "-e",
            f"tl_public_key={key}",
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": os.pathsep.join([str(tmp_path), str(BIN), os.environ["PATH"]])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "UNREACHABLE" in done.stdout, done.stdout + done.stderr
    let_in, tunnel = called.read_text().splitlines()
    user = f"--instance-id {cloud.node_id} --instance-os-user ubuntu"
    assert let_in == f"ec2-instance-connect send-ssh-public-key {user} --ssh-public-key file://{key}"
    through = "--document-name AWS-StartSSHSession --parameters portNumber=22"
    assert tunnel == f"ssm start-session --target {cloud.node_id} {through}"

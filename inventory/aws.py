#!/usr/bin/env python3
"""Ansible inventory of our EC2 instances, found by their tags: ansible-playbook -i inventory/aws.py ...

Groups: `gpu_node` and `builder`, by tag Role, hold what runs and can be reached; `asleep` holds the rest, so that it is
listed (ansible-inventory -i inventory/aws.py --graph) but no playbook targets it; `tinyllama` holds all.
How hosts are reached is in group_vars/tinyllama.yml. Exit code 1: AWS did not answer, and why.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from string import ascii_lowercase
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PROJECT = "tinyllama"
ROLES = ("gpu-node", "builder")
PAGE = 200
"""Instances that one call asks for, of 1,000 at most: fewer calls against how much one failed call costs."""
_FILTERS = [
    {"Name": "tag:Project", "Values": [PROJECT]},
    {"Name": "tag:Role", "Values": list(ROLES)},
    {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
]


def instances(ec2: Any) -> Iterable[Mapping[str, Any]]:
    """Every instance of ours that still exists, as DescribeInstances gives it."""
    pages = ec2.get_paginator("describe_instances").paginate(Filters=_FILTERS, PaginationConfig={"PageSize": PAGE})
    return (found for page in pages for group in page["Reservations"] for found in group["Instances"])


def inventory(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What Ansible wants from an inventory script, source: "Developing dynamic inventory" of its documentation."""
    groups: dict[str, list[str]] = {name: [] for name in ("gpu_node", "builder", "asleep", PROJECT)}
    hosts: dict[str, Any] = {}
    for instance in found:
        tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
        name = tags.get("Name") or instance["InstanceId"]
        if name in hosts:  # two of one name: the second one is told apart by its id
            name = f"{name}-{instance['InstanceId']}"
        state = instance["State"]["Name"]
        groups[PROJECT].append(name)
        groups[tags["Role"].replace("-", "_") if state == "running" else "asleep"].append(name)
        hosts[name] = {
            "instance_id": instance["InstanceId"],
            "instance_type": instance["InstanceType"],
            "instance_state": state,
            "instance_role": tags["Role"],
            "aws_region": instance["Placement"]["AvailabilityZone"].rstrip(ascii_lowercase),
            "public_ip": instance.get("PublicIpAddress", ""),
            "private_ip": instance.get("PrivateIpAddress", ""),
        }
    listed = {name: {"hosts": sorted(members)} for name, members in groups.items()}
    return {**listed, "_meta": {"hostvars": hosts}}


def main() -> int:
    """Answer `--list`; `--host` is not needed, since `_meta` has it all."""
    if sys.argv[1:2] == ["--host"]:
        sys.stdout.write("{}\n")
        return 0
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        answer = inventory(instances(boto3.client("ec2", config=config)))
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"inventory: {error}. Check the profile and the region (AWS_PROFILE, AWS_REGION).\n")
        return 1
    sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

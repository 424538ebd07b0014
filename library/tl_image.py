#!/usr/bin/python
"""Ansible module: machine images of our hosts. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.ec2_images import Ec2Images
    from tinyllama.adapters.ec2_node import connect
    from tinyllama.domain.errors import TinyllamaError
    from tinyllama.domain.images import to_prune

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_image
short_description: Launch a host to bake, make an image of it, prune old images
description:
  - One step of C(playbooks/bake_ami.yml) at a time, since the host is configured between them.
options:
  action:
    description:
      - V(look) returns the base image and the images that exist. V(launch) launches a host from O(base), tagged so that
        nothing takes it for a node. V(create) makes an image of O(host). V(prune) removes all but O(keep) images and
        their snapshots. V(terminate) takes O(host) away.
    type: str
    choices: [look, launch, create, prune, terminate]
    required: true
  role:
    description: What the image is for; its tag C(Role), and the images that are looked at.
    type: str
    choices: [gpu-node, builder]
    default: gpu-node
  base:
    description: The image to launch from. The newest one of O(owner) whose name fits O(pattern) if not given.
    type: str
  owner:
    description: Account id of the base image's owner.
    type: str
    default: "099720109477"
  pattern:
    description: Name of the base image.
    type: str
    default: ubuntu/images/*22.04-amd64-server-*
  launch:
    description: Arguments of C(RunInstances), such as V(InstanceType) and V(SubnetId).
    type: dict
    default: {}
  host:
    description: Id of the host.
    type: str
  name:
    description: Name of the image that is made.
    type: str
  tags:
    description: Further tags of the image, such as V(Revision) and V(Base).
    type: dict
    default: {}
  keep:
    description: Images that stay, the newest ones.
    type: int
    default: 2
  wait_timeout:
    description: Seconds that a launch or an image may take.
    type: int
    default: 900
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 5.0
requirements: [tinyllama for the Python that runs the module]
attributes:
  check_mode:
    description: V(look) and V(prune) answer as they would; the others do nothing.
    support: full
"""

EXAMPLES = r"""
- name: Look
  tl_image: {action: look}
  register: seen

- name: Keep the two newest images
  tl_image: {action: prune, keep: 2}
"""

RETURN = r"""
base:
  description: The base image.
  returned: look
  type: dict
  sample: {id: ami-0123456789abcdef0, name: ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20260105}
images:
  description: Our images of the role, oldest first.
  returned: look
  type: list
  elements: dict
host:
  description: The host that was launched, C(id), C(public_ip) and C(private_ip).
  returned: launch
  type: dict
image:
  description: The image that was made.
  returned: create
  type: dict
pruned:
  description: Images that were removed, or in check mode would be.
  returned: prune
  type: list
  elements: dict
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "action": {"type": "str", "required": True, "choices": ["look", "launch", "create", "prune", "terminate"]},
    "role": {"type": "str", "choices": ["gpu-node", "builder"], "default": "gpu-node"},
    **{name: {"type": "str"} for name in ("base", "host", "name")},
    "owner": {"type": "str", "default": "099720109477"},
    "pattern": {"type": "str", "default": "ubuntu/images/*22.04-amd64-server-*"},
    **{name: {"type": "dict", "default": {}} for name in ("launch", "tags")},
    "keep": {"type": "int", "default": 2},
    "wait_timeout": {"type": "int", "default": 900},
    "poll_interval": {"type": "float", "default": 5.0},
}
NEEDS = [("action", "launch", ["base"]), ("action", "create", ["host", "name"]), ("action", "terminate", ["host"])]


def look(images: Ec2Images, options: dict[str, Any]) -> dict[str, Any]:
    """What there is."""
    base = {"id": options["base"]} if options["base"] else asdict(images.newest(options["owner"], options["pattern"]))
    return {"base": base, "images": [asdict(image) for image in images.made(options["role"])]}


def prune(images: Ec2Images, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Remove what is too old."""
    old = to_prune(images.made(options["role"]), keep=options["keep"])
    for image in [] if check else old:
        images.remove(image)
    return {"changed": bool(old), "pruned": [asdict(image) for image in old]}


def run(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return ensure(options, check=check)
    except (TinyllamaError, ValueError) as error:
        return {"failed": True, "msg": str(error)}


def ensure(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Take the step."""
    images = Ec2Images(connect(), patience_s=options["wait_timeout"], poll_s=options["poll_interval"])
    match options["action"]:
        case "look":
            return look(images, options)
        case "prune":
            return prune(images, options, check=check)
        case _ if check:
            return {"changed": True}
        case "launch":
            return {"changed": True, "host": images.launch(options["base"], options["launch"])}
        case "create":
            made = images.create(options["host"], options["name"], options["role"], options["tags"])
            return {"changed": True, "image": asdict(made)}
        case _:
            images.terminate(options["host"])
            return {"changed": True}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_if=NEEDS)
    if MISSING:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    answered = run(module.params, check=module.check_mode)
    if answered.pop("failed", False):
        module.fail_json(**answered)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

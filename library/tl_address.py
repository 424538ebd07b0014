#!/usr/bin/python
"""Ansible module: the node's fixed address. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters import ec2_address, ec2_node
    from tinyllama.domain.address import AddressError, AddressState, AddressStep, Seen, eur_per_hour, plan, state_of
    from tinyllama.domain.errors import NodeError

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_address
short_description: Give the GPU node its fixed address, or give it up
description:
  - Attaches the Elastic IP with the tags C(Project=tinyllama) and C(Role=gpu-node) to the node, detaches it, or
    releases it. An address with other tags is never touched, also not one of somebody else's that the node has.
  - The address is an option (Terraform's C(enable_eip)). Without one, V(attached) does nothing unless O(allocate) says
    that there shall be one.
  - It costs USD 0.005 an hour from when it is allocated until it is released, attached or not.
options:
  state:
    description:
      - V(attached) to the node, V(detached) from it, V(released) for good - the address is lost then - or V(look).
      - It is not taken off a node that runs.
    type: str
    choices: [attached, detached, released, look]
    default: look
  allocate:
    description: Allocate an address if there is none. Tell Terraform of it by C(terraform import).
    type: bool
    default: false
  instance_id:
    description: Which node, if several have our tags.
    type: str
extends_documentation_fragment: [tl_place]
attributes:
  check_mode:
    description: Predicts the result and the diff, and sends no call that changes anything.
    support: full
  diff_mode:
    description: Whether the address is attached, before and after.
    support: full
"""

EXAMPLES = r"""
- name: The node has its address, if that option is on
  tl_address: {state: attached}

- name: Pay for none
  tl_address: {state: released}
"""

RETURN = r"""
before:
  description: State at the beginning, and what an hour in it costs.
  returned: success
  type: dict
  sample: {state: detached, eur_per_hour: "0.0044"}
after:
  description: The same at the end, in check mode as it would be.
  returned: success
  type: dict
  sample: {state: attached, eur_per_hour: "0.0044"}
address:
  description: The address, empty while there is none. A new one is not predicted.
  returned: success
  type: str
  sample: 192.0.2.10
allocation_id:
  description: Its id, as C(terraform import) wants it.
  returned: success
  type: str
  sample: eipalloc-0123456789abcdef0
instance_id:
  description: The node that it is for, empty without one.
  returned: success
  type: str
  sample: i-0123456789abcdef0
node:
  description: What the audit line is about.
  returned: success
  type: dict
  sample: {id: elastic-ip}
steps:
  description: What was done, in check mode what would be.
  returned: success
  type: list
  elements: dict
  sample: [{action: attach, target: 192.0.2.10, reason: i-0123456789abcdef0 is without it}]
restored:
  description: Null when nothing was touched, else false.
  returned: failure
  type: bool
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["attached", "detached", "released", "look"], "default": "look"},
    "allocate": {"type": "bool", "default": False},
    **{name: {"type": "str"} for name in ("instance_id", "region", "endpoint_url")},
}


def run(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return ensure(options, check=check)
    except AddressError as error:
        return {"failed": True, "msg": str(error), "restored": False if error.touched else None}
    except NodeError as error:
        return {"failed": True, "msg": f"{error} Nothing was touched.", "restored": None}


def ensure(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and read again."""
    place = {"region": options["region"], "endpoint_url": options["endpoint_url"]}
    client = ec2_node.connect(**place)
    control = ec2_address.of_region(**place)
    nodes = ec2_node.Ec2Nodes(client).nodes()
    seen = control.look(nodes, options["instance_id"])
    after, steps = state_of(seen.ours), tuple[AddressStep, ...]()
    if options["state"] != "look":
        wanted = AddressState.ABSENT if options["state"] == "released" else AddressState(options["state"])
        after, steps = plan(seen, wanted, allocate=options["allocate"])
    _check_node(seen, steps)
    end = seen
    if steps and not check:
        control.carry_out(steps, seen.node_id)
        end = control.look(nodes, options["instance_id"])
        after = state_of(end.ours)
    return answer(seen, end, after, steps, client.meta.region_name)


def _check_node(seen: Seen, steps: Sequence[AddressStep]) -> None:
    if not seen.node_id and any(step.action == "attach" for step in steps):
        raise AddressError("There is no GPU node to attach the address to. Nothing was touched: `terraform apply`.")


def answer(seen: Seen, end: Seen, after: AddressState, steps: Sequence[AddressStep], region: str) -> dict[str, Any]:
    """Put the result together: the same, but for a new address, whether it was done or only predicted."""
    gone = any(step.action == "release" for step in steps)
    shown = [{"state": one.value, "eur_per_hour": eur_per_hour(one, region)} for one in (state_of(seen.ours), after)]
    return {
        "changed": bool(steps),
        "node": {"id": "elastic-ip"},
        "instance_id": seen.node_id,
        "before": shown[0],
        "after": shown[1],
        "address": end.ours[0].ip if end.ours and not gone else "",
        "allocation_id": end.ours[0].id if end.ours and not gone else "",
        "steps": [asdict(step) for step in steps],
        "diff": {"before": shown[0], "after": shown[1]},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    answered = run(module.params, check=module.check_mode)
    if answered.pop("failed", False):
        module.fail_json(**answered)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

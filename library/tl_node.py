#!/usr/bin/python
"""Ansible module: type and state of the GPU node. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.ec2_node import Ec2Nodes, connect
    from tinyllama.domain.errors import TinyllamaError
    from tinyllama.domain.prices import eur_per_hour
    from tinyllama.domain.resize import Goal, ResizeError, WantedState
    from tinyllama.resize.carry_out import Pace, Resize, World
    from tinyllama.resize.prepare import Prepared, Wanted, prepare

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_node
short_description: Change the instance type and the state of the tinyllama GPU node
description:
  - Brings the GPU node to an instance type and a state, by the steps that EC2 demands - stop, wait, change the type,
    start, wait - and only those that are needed. A change that is already in progress is waited for first.
  - Without O(instance_type) and O(state) it changes nothing and returns the node's facts.
  - When a step fails, such as a start for which AWS has no capacity, old type and state are restored and the module
    fails. The message says what happened, what was restored, and what to do next.
  - A type that does not exist, or that has other processors than the node, is refused before anything is touched.
options:
  instance_type:
    description: The type that the node shall have, such as V(g4dn.xlarge). Unchanged if not given.
    type: str
  state:
    description: The state that the node shall be in at the end. With V(unchanged) it returns to the one it was in.
    type: str
    choices: [running, stopped, unchanged]
    default: unchanged
  instance_id:
    description:
      - Which node, if several exist. It must have the tags C(Project=tinyllama) and C(Role=gpu-node) as well.
      - Without it, the tags must lead to exactly one instance that is not terminated.
    type: str
  wait_timeout:
    description: Seconds that stopping and starting may take, each.
    type: int
    default: 600
  poll_interval:
    description: Seconds between two looks at a node that is waited for, at most; the first looks are denser.
    type: float
    default: 3.0
  region:
    description: The AWS region. Taken from the environment or the AWS profile if not given.
    type: str
  endpoint_url:
    description: Where EC2 answers. E(AWS_ENDPOINT_URL) is honoured if not given.
    type: str
requirements: [tinyllama for the Python that runs the module]
attributes:
  check_mode:
    description: Predicts the result and the diff, and sends no call that changes anything.
    support: full
  diff_mode:
    description: Instance type and state, before and after.
    support: full
"""

EXAMPLES = r"""
- name: Give the node its GPU, and leave it in the state it is in
  tl_node:
    instance_type: g4dn.xlarge

- name: Stop the node and make it small
  tl_node:
    instance_type: t3.small
    state: stopped

- name: Plan a resize, without doing it
  tl_node:
    instance_type: g5.xlarge
    state: running
  check_mode: true
  register: preview
"""

RETURN = r"""
node:
  description: The node. C(name) is its Name tag, C(account) the AWS account id.
  returned: success
  type: dict
  sample:
    id: i-0123456789abcdef0
    name: tinyllama-gpu
    account: "123456789012"
    region: eu-central-1
    zone: eu-central-1a
    architecture: x86_64
before:
  description: >-
    Type and state at the beginning. C(eur_per_hour) is the list price of a running hour, or null where it is not known.
  returned: success
  type: dict
  sample: {instance_type: t3.small, state: stopped, eur_per_hour: "0.0210"}
after:
  description: >-
    The same at the end, in check mode as it would be. On failure type and state as they were left, null if not known.
  returned: success, or when something had been touched
  type: dict
  sample: {instance_type: g4dn.xlarge, state: stopped, eur_per_hour: "0.5754"}
steps:
  description: What was done, in order; in check mode what would be done.
  returned: success
  type: list
  elements: dict
  sample: [{action: set_type, target: g4dn.xlarge, reason: the node is a t3.small}]
seconds:
  description: How long the module took.
  returned: always
  type: float
  sample: 0.4
restored:
  description: Whether the node is as it was before. Null when nothing had been touched.
  returned: failure
  type: bool
  sample: true
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    **{name: {"type": "str"} for name in ("instance_type", "instance_id", "region", "endpoint_url")},
    "state": {"type": "str", "choices": ["running", "stopped", "unchanged"], "default": "unchanged"},
    "wait_timeout": {"type": "int", "default": 600},
    "poll_interval": {"type": "float", "default": 3.0},
}


def ensure(module: AnsibleModule) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and read again; return what the module answers."""
    options = module.params
    nodes = Ec2Nodes(connect(region=options["region"], endpoint_url=options["endpoint_url"]))
    wanted = Wanted(options["instance_type"], WantedState(options["state"]), options["instance_id"])
    prepared = prepare(nodes, wanted)
    if module.check_mode:
        return answer(prepared, prepared.goal)
    pace = Pace(options["wait_timeout"], options["poll_interval"])
    node = Resize(nodes, prepared, pace, World(tell=module.log)).carry_out()
    return answer(prepared, Goal(node.instance_type, node.state))


def answer(prepared: Prepared, end: Goal) -> dict[str, Any]:
    """Put the result together: the same, apart from `end`, whether it was done or only predicted."""
    node, region = prepared.node, prepared.facts.region
    before, after = described(Goal(node.instance_type, node.state)), described(end)
    return {
        "changed": prepared.changes,
        "node": {"id": node.id, **asdict(prepared.facts)},
        "before": priced(before, region),
        "after": priced(after, region),
        "steps": [asdict(step) for step in prepared.steps],
        "diff": {"before": before, "after": after, "before_header": node.id, "after_header": node.id},
    }


def described(goal: Goal) -> dict[str, str]:
    """Type and state, as results and diffs show them."""
    return {"instance_type": goal.instance_type, "state": goal.state.value}


def priced(goal: dict[str, str], region: str) -> dict[str, str | None]:
    """The same with the price of a running hour."""
    price = eur_per_hour(goal["instance_type"], region)
    return {**goal, "eur_per_hour": None if price is None else str(price)}


def failure(error: TinyllamaError) -> dict[str, Any]:
    """Put the answer to a failure together; `after` only when the node is not simply as it was."""
    if not isinstance(error, ResizeError) or error.restored is None:
        return {"msg": str(error), "restored": None}
    left = error.left and described(Goal(error.left.instance_type, error.left.state))
    return {"msg": str(error), "restored": error.restored, "after": left}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if MISSING is not None:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    began = time.monotonic()
    try:
        result = ensure(module)
    except TinyllamaError as error:
        module.fail_json(**failure(error), seconds=round(time.monotonic() - began, 3))
    module.exit_json(**result, seconds=round(time.monotonic() - began, 3))


if __name__ == "__main__":
    main()

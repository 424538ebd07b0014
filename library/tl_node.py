#!/usr/bin/python
"""Ansible module: type and state of the GPU node. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.ec2_node import Ec2Nodes, connect
    from tinyllama.adapters.ec2_quick import quick
    from tinyllama.adapters.file_journal import FileJournal
    from tinyllama.domain.errors import LeaseError, NodeError, SettingsError, TinyllamaError
    from tinyllama.domain.lease import LeasePolicy, first_end
    from tinyllama.domain.resize import Goal, WantedState
    from tinyllama.resize.answer import answer, check_lease, check_place, failure
    from tinyllama.resize.care import Care
    from tinyllama.resize.carry_out import Resize
    from tinyllama.resize.prepare import Prepared, Wanted, prepare
    from tinyllama.resize.watch import Pace, World

    MISSING = None
except ImportError as error:
    MISSING = error

if TYPE_CHECKING:
    from tinyllama.adapters.scheduler_leases import SchedulerLeases
    from tinyllama.ports import DrainGate

DOCUMENTATION = r"""
module: tl_node
short_description: Change the instance type and the state of the tinyllama GPU node
description:
  - Brings the GPU node to an instance type and a state, by the steps that EC2 demands - stop, wait, change the type,
    start, wait - and only those that are needed. A change that is already in progress is waited for first.
  - Without O(instance_type) and O(state) it changes nothing and returns the node's facts.
  - When a step fails, such as a start for which AWS has no capacity, old type and state are restored and the module
    fails. The message says what happened, what was restored, and what to do next.
  - Whatever starts the node grants it a lease first - a one-shot schedule by which AWS itself stops it. Without a lease
    nothing is started.
  - A run that was killed is taken up by the next one if both have the same O(journal). Of two at the same time, the
    second waits for the first.
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
  ladder:
    description: Types to try, in this order, when AWS has no capacity for O(instance_type).
    type: list
    elements: str
    default: []
  drain:
    description:
      - Before a running node is stopped, close the queue's door once no job is queued or in flight. Where the queue is
        comes from the environment, E(TL_QUEUE) and its address, or else from what Terraform has told the node, the SSM
        parameters below C(/tinyllama/worker). A queue that is not known or does not answer is not waited for, and a
        warning says so.
    type: bool
    default: false
  drain_timeout:
    description: Seconds that jobs may take to finish; the module fails then, and nothing was touched.
    type: int
    default: 300
  force:
    description: Do not wait for jobs. Those in flight are interrupted, and lost unless claimed again within 5 minutes.
    type: bool
    default: false
  lease:
    description: Also grant a lease to a node that runs without one.
    type: bool
    default: false
  lease_seconds:
    description:
      - How long after its start AWS stops the node, unless its worker renews the lease. What is not more than
        O(wait_timeout) is refused, since it could end mid-way.
    type: int
    default: 3600
  lease_role_arn:
    description: The role that stops the node. E(LEASE_ROLE_ARN) if not given, else C(tinyllama-lease) of the account.
    type: str
  lease_group:
    description: The schedule group of leases. E(LEASE_GROUP) if not given, else C(tinyllama-leases).
    type: str
  journal:
    description: Folder in which a run that changes something leaves what it does, until it is done, and its lock.
    type: path
  confirm:
    description: Name tag or id of the node. If given and another one, nothing is done; not looked at in check mode.
    type: str
  expect_account: {description: Account id; in another account nothing is done., type: str}
  expect_region: {description: Region; in another one nothing is done., type: str}
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
- name: Give the node its GPU, or a bigger one where there is no capacity, and leave it in the state it is in
  tl_node: {instance_type: g4dn.xlarge, ladder: [g4dn.2xlarge, g5.xlarge], drain: true}

- name: Stop the node and make it small
  tl_node: {instance_type: t3.small, state: stopped, drain: true}

- name: Plan a resize, without doing it
  tl_node: {instance_type: g5.xlarge, state: running}
  check_mode: true
"""

RETURN = r"""
node:
  description: The node. C(name) is its Name tag, C(account) the AWS account id.
  returned: success
  type: dict
  sample: {id: i-0123456789abcdef0, name: tinyllama-gpu, account: "123456789012", region: eu-central-1,
           zone: eu-central-1a, architecture: x86_64}
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
unfinished:
  description: Whether O(journal) holds a run that was cut off. Running the module forgets it, even if no step is left.
  returned: success
  type: bool
  sample: false
seconds: {description: How long the module took., returned: always, type: float, sample: 0.4}
restored:
  description: Whether the node is as it was before. Null when nothing had been touched.
  returned: failure
  type: bool
  sample: true
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    **{name: {"type": "str"} for name in ("instance_type", "instance_id", "region", "endpoint_url")},
    **{name: {"type": "str"} for name in ("lease_role_arn", "lease_group")},
    **{name: {"type": "str"} for name in ("confirm", "expect_account", "expect_region")},
    **{name: {"type": "bool", "default": False} for name in ("drain", "force", "lease")},
    "state": {"type": "str", "choices": ["running", "stopped", "unchanged"], "default": "unchanged"},
    "ladder": {"type": "list", "elements": "str", "default": []},
    "drain_timeout": {"type": "int", "default": 300},
    "lease_seconds": {"type": "int", "default": 3600},
    "journal": {"type": "path"},
    "wait_timeout": {"type": "int", "default": 600},
    "poll_interval": {"type": "float", "default": 3.0},
}


_SETTINGS_S = 3.0


def run(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    began = time.monotonic()
    try:
        answered = ensure(options, check=check, tell=tell)
    except TinyllamaError as error:
        answered = {"failed": True, **failure(error)}
    return {**answered, "seconds": round(time.monotonic() - began, 3)}


def ensure(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and read again."""
    place = {"region": options["region"], "endpoint_url": options["endpoint_url"]}
    nodes = Ec2Nodes(quick(lambda: connect(**place), timeout_s=5.0, **place))
    state = WantedState(options["state"])
    wanted = Wanted(
        options["instance_type"], state, options["instance_id"], tuple(options["ladder"]), drain=options["drain"]
    )
    journal = FileJournal(Path(options["journal"])) if options["journal"] else None
    alone = journal.held(options["wait_timeout"], tell) if journal and not check else contextlib.nullcontext()
    with alone:
        return _ensured(options, nodes, wanted, journal, check=check, tell=tell)


def _ensured(
    options: dict[str, Any],
    nodes: Ec2Nodes,
    wanted: Wanted,
    journal: FileJournal | None,
    *,
    check: bool,
    tell: Callable[[str], object],
) -> dict[str, Any]:
    leases = _leases(options, "0" * 12) if options["lease"] else None  # only asked, so any role will do
    prepared = prepare(nodes, wanted, journal=journal, leases=leases)
    confirm = None if check else options["confirm"]
    check_place(prepared, account=options["expect_account"], region=options["expect_region"], confirm=confirm)
    check_lease(prepared, lease_s=options["lease_seconds"], wait_s=options["wait_timeout"])
    if check:
        return answer(prepared, prepared.goal, prepared.steps)
    care = Care(
        lease=lambda node_id: _grant(options, prepared, node_id),
        gate=functools.cache(lambda: _gate(prepared.facts.region, options["endpoint_url"])),
        force=options["force"],
        drain_s=options["drain_timeout"],
    )
    pace = Pace(options["wait_timeout"], options["poll_interval"])
    resize = Resize(nodes, prepared, pace, World(tell=tell), care=care, journal=journal)
    node = resize.carry_out()
    return answer(prepared, Goal(node.instance_type, node.state), resize.done, care.warnings)


def _grant(options: dict[str, Any], prepared: Prepared, node_id: str) -> None:
    policy = LeasePolicy(length_s=options["lease_seconds"])
    try:
        _leases(options, prepared.facts.account).grant(node_id, first_end(time.time(), policy))
    except LeaseError as error:
        raise NodeError("NoLease", str(error)) from error


def _leases(options: dict[str, Any], account: str) -> SchedulerLeases:
    from tinyllama.adapters import scheduler_leases  # noqa: PLC0415 -- most runs start nothing

    client = scheduler_leases.connect(region=options["region"], endpoint_url=options["endpoint_url"])
    return scheduler_leases.of_account(client, account, options["lease_role_arn"], options["lease_group"])


def _gate(region: str, endpoint_url: str | None) -> DrainGate | None:
    """The door of the queue that the environment names, or else that Terraform has told the node of; None without.

    Raises:
        QueueUnavailableError: what Terraform has told the node cannot be read.
    """
    from tinyllama.adapters import node_settings, queues  # noqa: PLC0415 -- most runs stop nothing
    from tinyllama.adapters.aws_json import AwsJson  # noqa: PLC0415
    from tinyllama.settings import QueueSettings  # noqa: PLC0415

    def told() -> dict[str, str]:
        return node_settings.read(AwsJson(region, timeout_s=_SETTINGS_S, endpoint_url=endpoint_url))

    for environment in (lambda: os.environ, told):
        with contextlib.suppress(SettingsError):
            env = QueueSettings.from_env({"AWS_REGION": region, **environment()})
            aws = AwsJson(env.aws_region, timeout_s=env.queue_timeout_s, endpoint_url=endpoint_url)
            return queues.api_queue(env, redis_timeout_s=env.queue_timeout_s, aws=aws).gate
    return None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if MISSING is not None:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    answered = run(module.params, check=module.check_mode, tell=module.log)
    if answered.pop("failed", False):
        module.fail_json(**answered)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

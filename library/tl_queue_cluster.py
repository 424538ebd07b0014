#!/usr/bin/python
"""Ansible module: the Redis cluster. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.queue_cluster import QueueCluster, connect
    from tinyllama.adapters.redis_link import RedisLink
    from tinyllama.domain.errors import QueueUnavailableError
    from tinyllama.domain.queue_cluster import (
        NAME,
        NOTHING,
        UNKNOWN,
        Cluster,
        ClusterError,
        ClusterState,
        ClusterStep,
        eur_per_hour,
        forgotten,
    )
    from tinyllama.queue_cluster import Patience, carry_out, prepare, smoke, waiting_jobs

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_queue_cluster
short_description: Create or delete the Redis cluster of tinyllama
description:
  - Makes the replication group C(tl-fif-queue) as Terraform defines it, or deletes it, and waits. Its parameter group,
    subnet group and security group are Terraform's; without them nothing is touched.
  - A new cluster is tried out by C(PING) and a key with a life. Outside of its VPC it cannot be reached; a warning says
    so then.
options:
  state:
    description: V(present) creates it if needed, V(absent) deletes it, V(look) does neither.
    type: str
    choices: [present, absent, look]
    default: look
  force:
    description: Delete it though jobs are queued or in flight, or cannot be counted from here. They are forgotten then.
    type: bool
    default: false
  wait:
    description: With V(false), a cluster that is being created is not waited for. Run it again with V(true) later.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that creating or deleting may take.
    type: int
    default: 900
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 5.0
extends_documentation_fragment: [tl_place]
attributes:
  check_mode:
    description: Predicts the result and the diff, and sends no call that changes anything.
    support: full
  diff_mode:
    description: The cluster's state, before and after.
    support: full
"""

EXAMPLES = r"""
- name: Have a Redis
  tl_queue_cluster: {state: present}

- name: Pay for none
  tl_queue_cluster: {state: absent}
"""

RETURN = r"""
before:
  description: State at the beginning, and what an hour in it costs.
  returned: success
  type: dict
  sample: {state: absent, eur_per_hour: "0"}
after:
  description: The same at the end, in check mode as it would be.
  returned: success
  type: dict
  sample: {state: available, eur_per_hour: "0.0324"}
endpoint:
  description: Host and port, empty while there is none. Not predicted.
  returned: success
  type: str
  sample: tl-fif-queue.abcdef.ng.0001.euc1.cache.amazonaws.com:6379
jobs:
  description: Jobs that are queued or in flight; null when the cluster is not there or cannot be reached from here.
  returned: success
  type: int
lost:
  description: What is forgotten when the cluster is deleted. C(unknown) when it cannot be reached from here.
  returned: success
  type: str
  sample: 2 jobs
steps:
  description: What was done, in check mode what would be.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, target: creating, reason: there is none}]
restored:
  description: Null when nothing was touched, else false.
  returned: failure
  type: bool
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent", "look"], "default": "look"},
    "force": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 900},
    "poll_interval": {"type": "float", "default": 5.0},
    **{name: {"type": "str"} for name in ("region", "endpoint_url")},
}
_REDIS_S = 3.0


def run(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return ensure(options, check=check, tell=tell)
    except ClusterError as error:
        return {"failed": True, "msg": str(error), "restored": False if error.touched else None}


def ensure(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and read again."""
    place = {"region": options["region"], "endpoint_url": options["endpoint_url"]}
    control = QueueCluster(connect("elasticache", **place), connect("ec2", **place))
    if options["state"] == "look":
        now = control.look()
        return answer(now, now, (), _jobs(now), [])
    wanted = ClusterState.AVAILABLE if options["state"] == "present" else ClusterState.ABSENT
    now, steps = prepare(control, wanted)
    if not options["wait"] and steps and steps[-1].target is ClusterState.AVAILABLE:
        steps = steps[:-1]
    jobs = _jobs(now)
    lost = forgotten(now, steps, jobs)
    if not options["force"] and not (check and lost == UNKNOWN):  # a plan may say that it does not know
        _refuse_to_lose(lost)
    if check:
        return answer(now, Cluster(steps[-1].target if steps else now.state), steps, jobs, [])
    patience = Patience(options["wait_timeout"], options["poll_interval"], tell=tell)
    end = carry_out(control, steps, patience)
    return answer(now, end, steps, jobs, _try_out(end) if steps else [])


def _refuse_to_lose(lost: str) -> None:
    if lost == UNKNOWN:
        raise ClusterError(
            "How many jobs are queued or in flight is unknown: Redis cannot be reached from here, as from anywhere "
            "outside its VPC. They would be forgotten; nothing was touched. Run it inside, or when nobody has used the "
            "service for half an hour, and then say -e force=true."
        )
    if lost != NOTHING:
        raise ClusterError(
            f"{lost} are queued or in flight, and would be forgotten; nothing was touched. Wait, or say -e force=true."
        )


def _jobs(cluster: Cluster) -> int | None:
    return waiting_jobs(_redis(cluster)) if cluster.host else None


def _redis(cluster: Cluster) -> RedisLink:
    return RedisLink(cluster.host, cluster.port, timeout_s=_REDIS_S)


def _try_out(cluster: Cluster) -> list[str]:
    """Warnings; a cluster that answers wrongly is a failure."""
    if not cluster.host:
        return []
    try:
        wrong = smoke(_redis(cluster))
    except QueueUnavailableError as error:
        return [f"Not tried out: the cluster cannot be reached from here ({error}). Ask /queue-health inside the VPC."]
    if wrong:
        raise ClusterError(f"The cluster is available, but {wrong}.", touched=True)
    return []


def answer(
    before: Cluster, after: Cluster, steps: Sequence[ClusterStep], jobs: int | None, warnings: list[str]
) -> dict[str, Any]:
    """Put the result together: the same, but for the endpoint, whether it was done or only predicted."""
    shown = [{"state": one.state.value, "eur_per_hour": eur_per_hour(one.state)} for one in (before, after)]
    return {
        "changed": any(step.action != "wait" for step in steps),
        "node": {"id": NAME},
        "before": shown[0],
        "after": shown[1],
        "endpoint": f"{after.host}:{after.port}" if after.host else "",
        "jobs": jobs,
        "lost": forgotten(before, steps, jobs),
        "steps": [asdict(step) for step in steps],
        "diff": {"before": shown[0], "after": shown[1]},
        **({"warnings": warnings} if warnings else {}),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    answered = run(module.params, check=module.check_mode, tell=module.log)
    if answered.pop("failed", False):
        module.fail_json(**answered)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

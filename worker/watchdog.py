"""`python -m worker.watchdog`: one tick of the idle watchdog (EC2-003), called every minute by `idle_watch.sh`.

Exit codes: 0 nothing to do, or stopped; 1 something failed and the next tick tries again; 2 bad environment.
"""

import contextlib
import fcntl
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tinyllama.adapters.emf import EmfMetrics
from tinyllama.domain.errors import NodeError, QueueUnavailableError, SettingsError
from tinyllama.domain.metrics import Metric
from tinyllama.domain.node import Activity, StopDecision, decide_stop
from worker import activity
from worker.log import log
from worker.settings import WatchdogSettings

if TYPE_CHECKING:
    from tinyllama.adapters.aws_json import Keys
    from tinyllama.ports import NodeControl

_REDIS_TIMEOUT_S = 2.0
_EC2_TIMEOUT_S = 5.0


def tick(env: WatchdogSettings, *, now: float, booted_at: float) -> str:
    """Stop this node if it has been idle for long enough; returns what was done, in a word.

    Raises:
        QueueUnavailableError: whether the node is idle cannot be known.
        NodeError: EC2 or the instance metadata service refused.
    """
    decision = decide_stop(now=now, booted_at=booted_at, last=_last(env), default_idle_s=env.idle_min)
    if not decision.stop:
        return decision.reason
    if not _stop_self(env):
        return "busy"
    _report(decision, now)
    return "stopped"


def _last(env: WatchdogSettings) -> Activity | None:
    try:
        return activity.read(env.activity_file, default_idle_s=env.idle_min)
    except ValueError as error:
        # A damaged file must not keep a node awake, and so cost money, until somebody looks.
        log("activity file damaged, idle time counts from boot", message=str(error))
        return None


def _stop_self(env: WatchdogSettings) -> bool:
    # Imported here: 59 of 60 ticks need neither Redis nor AWS, and must stay cheap.
    from tinyllama.adapters import aws_json, imds, queues  # noqa: PLC0415

    metadata = imds.Metadata()
    host = metadata.identity()
    keys = aws_json.keys_in_environment() or metadata.keys()
    aws = aws_json.AwsJson(env.aws_region or host.region, timeout_s=env.queue_timeout_s, keys=lambda: keys)
    nodes = _nodes(host.region, keys)
    gate = queues.api_queue(env, redis_timeout_s=_REDIS_TIMEOUT_S, aws=aws).gate
    if not gate.close():
        return False
    try:
        nodes.stop(host.instance_id)
    except NodeError:
        gate.open()
        raise
    return True


def _nodes(region: str, keys: "Keys") -> "NodeControl":
    # Loading boto3 would take three times as long as all the rest of the tick.
    from tinyllama.adapters.ec2_node import Ec2Nodes, connect  # noqa: PLC0415
    from tinyllama.adapters.ec2_quick import quick  # noqa: PLC0415

    return Ec2Nodes(quick(lambda: connect(region=region), region=region, timeout_s=_EC2_TIMEOUT_S, keys=keys))


def _report(decision: StopDecision, now: float) -> None:
    metrics = EmfMetrics()
    metrics.count(Metric.AUTO_STOPS)
    record = {"event": "auto stop", "idle_s": round(decision.idle_s), **metrics.fields(round(now * 1000))}
    sys.stdout.write(json.dumps(record) + "\n")


def booted_at(uptime: Path = Path("/proc/uptime")) -> float:
    """When this host booted, in seconds since the epoch by its own clock."""
    return time.time() - float(uptime.read_text().split()[0])


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[bool]:
    """Whether no other tick is under way: one that hangs must not pile up behind itself."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def main() -> int:
    """Run one tick."""
    try:
        env = WatchdogSettings.from_env()
        with alone(env.activity_file.with_suffix(".lock")) as first:
            done = tick(env, now=time.time(), booted_at=env.booted_at or booted_at()) if first else "already running"
    except SettingsError as error:
        sys.stderr.write(f"idle_watch: {error}\n")
        return 2
    except (NodeError, QueueUnavailableError, OSError) as error:
        sys.stderr.write(f"idle_watch: {error}\n")
        return 1
    log("tick", result=done)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m local.node`: makes the local GPU node real.

Watches the EC2 instances tagged as ours and boots a `Machine` when one is *running*, shuts it down
when it is *stopping*, and takes it away when it is *stopped*. The instance type makes no difference.
"""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.announce import announce, announced
from local.aws.ec2.imds import Identity
from local.machine import Machine, Site
from local.node_container import Container
from local.podman import leash
from tinyllama.domain.node import NODE_TAGS, NodeState

SITE_PATIENCE_S = 60.0
# s between two looks: quick while something is about to happen, sparing of the processor while the model works
_PACE = {NodeState.PENDING: 0.05, NodeState.STOPPED: 0.25, NodeState.STOPPING: 0.1}
_RUNNING_PACE = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An instance as EC2 describes it; `boot` differs after every start."""

    identity: Identity
    state: NodeState
    boot: tuple[str, str]


class NodeRunner:
    """Keeps one machine for every running instance."""

    def __init__(self, site: Site, ec2: Any) -> None:
        self._site, self._ec2 = site, ec2
        self._machines: dict[tuple[str, str], Machine | Container] = {}
        self._blind = False

    def step(self) -> float:
        """Look once and act on it; returns for how many seconds to rest before the next time."""
        try:
            seen = list(self._look())
        except (BotoCoreError, ClientError) as error:
            if not self._blind:
                _say(f"cannot see the instances, will keep trying: {error}")
            self._blind = True
            self._keep_going()
            return _RUNNING_PACE
        self._blind = False
        for one in seen:
            if one.state is NodeState.RUNNING and one.boot not in self._machines:
                self._boot(one)
        self._follow({one.boot: one.state for one in seen})
        return min((_PACE.get(one.state, _RUNNING_PACE) for one in seen), default=_RUNNING_PACE)

    def _look(self) -> Iterator[Seen]:
        filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in NODE_TAGS.items()]
        for reservation in self._ec2.describe_instances(Filters=filters)["Reservations"]:
            for found in reservation["Instances"]:
                launched = found["LaunchTime"].isoformat()
                yield Seen(
                    _identity(found, self._site), NodeState(found["State"]["Name"]), (found["InstanceId"], launched)
                )

    def _boot(self, one: Seen) -> None:
        for boot in [known for known in self._machines if known[0] == one.boot[0]]:
            self._machines.pop(boot).cut()  # an earlier life of the same instance that took too long to end
        _say(f"{one.identity.instance_id} ({one.identity.instance_type}) runs: booting")
        name = one.identity.instance_id
        kind = Container if self._site.node_image else Machine
        self._machines[one.boot] = kind(self._site, one.identity, lambda text: _say(f"{name}: {text}"))

    def _follow(self, states: Mapping[tuple[str, str], NodeState]) -> None:
        for boot, machine in list(self._machines.items()):
            match states.get(boot):
                case NodeState.RUNNING:
                    machine.tend()
                case NodeState.STOPPING | NodeState.SHUTTING_DOWN:
                    machine.drain()
                case _:
                    if machine.off():
                        del self._machines[boot]

    def _keep_going(self) -> None:
        for machine in self._machines.values():
            machine.tend()

    def end(self) -> None:
        """Take the power away from everything."""
        for machine in self._machines.values():
            machine.cut()
        self._machines.clear()


def _identity(found: Mapping[str, Any], site: Site) -> Identity:
    return Identity(
        instance_id=found["InstanceId"],
        instance_type=found["InstanceType"],
        region=site.region,
        availability_zone=found.get("Placement", {}).get("AvailabilityZone", f"{site.region}a"),
        image_id=found["ImageId"],
    )


def _say(text: str) -> None:
    sys.stdout.write(json.dumps({"ts": round(time.time(), 3), "message": text}) + "\n")


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m local.node", description="Make the local GPU node real.")
    parser.add_argument("--site", type=Path, required=True, help="JSON file that says where the node lives; awaited")
    parser.add_argument("--ready-file", type=Path, help="where to write {} once the instances are watched")
    arguments = parser.parse_args(argv)
    site = Site.model_validate(_await(arguments.site))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with leash(site.tag) if site.node_image else nullcontext():
        runner = NodeRunner(site, _connect(site))
        try:
            rest = runner.step()
            announce(arguments.ready_file)
            while not ended.wait(rest):
                rest = runner.step()
        finally:
            runner.end()
    return 0


def _await(path: Path) -> dict[str, Any] | None:
    return Retrying(
        stop=stop_after_delay(SITE_PATIENCE_S),
        wait=wait_fixed(0.01),
        retry=retry_if_result(lambda facts: facts is None),
    )(announced, path)


def _connect(site: Site) -> Any:
    return boto3.client(
        "ec2",
        region_name=site.region,
        endpoint_url=site.aws_url,
        aws_access_key_id="node-runner",
        aws_secret_access_key="local",
        config=Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}),
    )


if __name__ == "__main__":
    sys.exit(main())

"""The main job on a real node: systemd in a container, set up by the roles, with cron, IMDS and units as on AWS."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.addresses import exports
from local.podman import LABEL, lacks, podman
from local.processes import ROOT, environment
from tests.command import Tl

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(lacks()), reason=f"no systemd in a container here: {lacks()}"),
]

UP = ("--node", "container", "--port", "0", "--boot-s", "1", "--stop-s", "0.5", "--seconds-per-minute", "10")
IMAGE_S = 580
CRON_S = 60
ASK_IMDS = """
import json, os, urllib.request
def ask(path, **more):
    request = urllib.request.Request("http://169.254.169.254/latest/" + path, **more)
    return urllib.request.urlopen(request).read().decode()
try:
    ask("meta-data/instance-type"); refused = None
except urllib.error.HTTPError as error:
    refused = error.code
token = ask("api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
of_us = {"X-aws-ec2-metadata-token": token}
print(json.dumps({"without_token": refused, "type": ask("meta-data/instance-type", headers=of_us)}))
"""


@pytest.fixture
def tl(tmp_path: Path) -> Iterator[Tl]:
    command = Tl(tmp_path / "home")
    yield command
    command.home.clear()


class Node:
    """The container of a platform's node."""

    def __init__(self, tl: Tl) -> None:
        self._tl = tl
        [self.name] = containers(tl)

    def run(self, *words: str) -> str:
        """What a command prints there; it may fail."""
        done = subprocess.run(["podman", "exec", self.name, *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    @property
    def running(self) -> bool:
        return podman("inspect", "--format={{.State.Running}}", self.name) == "true"

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._tl("status", "--json").stdout)["node"]
        return found

    def units(self) -> dict[str, str]:
        names = ["tinyllama-worker", "tinyllama-engine", "cron", "ssh"]
        return dict(zip(names, self.run("systemctl", "is-active", *names).split(), strict=True))

    def imds(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("python3", "-c", ASK_IMDS))
        return found


def containers(tl: Tl) -> list[str]:
    found = podman("ps", "--all", "--format={{.Names}}", f"--filter=label={LABEL}={tl.home.tag}")
    return found.splitlines()


def eventually(look: Callable[[], bool], *, within_s: float) -> bool:
    waiting = Retrying(
        stop=stop_after_delay(within_s),
        wait=wait_fixed(0.5),
        retry=retry_if_result(lambda good: not good),
        retry_error_callback=lambda _: False,
    )
    return bool(waiting(look))


def resize(tl: Tl, target: str) -> None:
    """As an operator does it."""
    playbook = [str(Path(sys.executable).with_name("ansible-playbook")), "playbooks/resize.yml"]
    playbook += ["-e", f"target={target}", "-e", "confirm=tinyllama-gpu", "-e", "poll_interval=0.5"]
    settings = exports(tl.state, "") | {"TL_AUDIT_FILE": str(tl.home.path / "audit.jsonl")}
    done = subprocess.run(playbook, cwd=ROOT, env=environment(settings), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_prompt_boots_a_real_node_that_is_resized_and_stopped_by_its_own_cron(tl: Tl) -> None:
    tl.up(*UP, timeout_s=IMAGE_S)
    assert containers(tl) == []

    cold = tl("ask", "What is a llama?", "--idle", "9")
    assert (cold.returncode, bool(cold.stdout.strip())) == (0, True), cold.stderr
    node = Node(tl)
    assert node.units() == {
        "tinyllama-worker": "active",
        "tinyllama-engine": "active",
        "cron": "active",
        "ssh": "inactive",
    }
    assert node.imds() == {"without_token": 401, "type": "t3.small"}
    assert node.run("systemctl", "--failed", "--no-legend") == ""
    node.run("touch", "/srv/left-on-disk")

    resize(tl, "g4dn.xlarge")
    assert eventually(lambda: node.state["worker_ready"], within_s=60)
    assert node.imds()["type"] == "g4dn.xlarge"
    assert node.run("ls", "/srv") == "left-on-disk"

    warm = tl("ask", "Say hi", "--idle", "1")
    assert (warm.returncode, bool(warm.stdout.strip())) == (0, True), warm.stderr
    assert eventually(lambda: node.state["state"] == "stopped" and not node.running, within_s=10 + CRON_S + 60)
    assert '"result": "stopped"' in tl.home.log("watchdog").read_text().splitlines()[-1]
    assert '"draining"' in tl.home.log("worker").read_text()

    assert tl("down").returncode == 0
    assert containers(tl) == []


def test_a_killed_platform_leaves_no_node_behind(tl: Tl) -> None:
    state = tl.up(*UP, timeout_s=IMAGE_S)
    assert tl("ask", "Say hi").returncode == 0
    systemd = psutil.Process(int(podman("inspect", "--format={{.State.Pid}}", Node(tl).name)))

    os.kill(state.supervisor.pid, signal.SIGKILL)

    assert eventually(lambda: not containers(tl) and not systemd.is_running(), within_s=30)

"""The main job on the queue that AWS users get by default: wake, answer, cancel, sleep; no Redis anywhere."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.client import Client
from local.processes import ROOT, environment
from local.state import Home

pytestmark = pytest.mark.e2e

QUICK = ("--port", "0", "--boot-s", "0.3", "--stop-s", "0.2", "--watch-every", "1", "--seconds-per-minute", "3")


class Tl:
    """`tl` in a folder of its own."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self._env = environment({"TL_HOME": str(path), "COLUMNS": "200"})

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "local", *words]
        return subprocess.run(
            command, env=self._env, cwd=ROOT, text=True, capture_output=True, timeout=120, check=False
        )

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("status", "--json").stdout)
        return found


@pytest.fixture
def tl(tmp_path: Path) -> Iterator[Tl]:
    command = Tl(tmp_path / "home")
    done = command("up", *QUICK, "--queue", "sqs")
    assert done.returncode == 0, done.stderr
    yield command
    command.home.clear()


def until(look: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < end, f"no {what} within {timeout_s:.0f} s"
        time.sleep(0.2)


def test_the_story_on_sqs(tl: Tl) -> None:
    state = tl.home.read()
    assert state is not None
    status = tl.status()
    assert status["queue"] == "sqs"
    assert {part["name"] for part in status["parts"]} == {"aws", "gateway", "node"}, "no Redis is started"
    assert not any("redis-server" in child.name() for child in psutil.Process(state.supervisor.pid).children())

    asked = tl("ask", "Name a colour.", "--idle", "5")
    assert asked.returncode == 0, asked.stderr + tl("logs").stdout[-3000:]
    assert len(asked.stdout.strip()) > 3
    assert tl.status()["node"] | {"id": ""} == {
        "id": "",
        "state": "running",
        "instance_type": "t3.small",
        "worker_ready": True,
        "queue_depth": 0,
    }

    with Client.of_state(state) as client:
        client.sign_in()
        job = client.infer("Count to a thousand, in words.", idle=1)
        assert job.status == "queued", "the node is awake: nobody is told to wait for a boot"
        while client.job(job.id).status == "queued":
            time.sleep(0.05)
        assert client.cancel(job.id), "it is being written, and takes long"
        assert client.job(job.id).status == "cancelled"
        last = client.infer("Say hi.", idle=1)
        assert [progress.status for progress in client.follow(last.id)][-1] == "done"

    until(lambda: tl.status()["node"]["state"] == "stopped", "stop by the watchdog")
    assert '"event": "auto stop"' in tl("logs", "watchdog").stdout
    assert tl.status()["node"]["worker_ready"] is False


def test_a_queue_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    refused = Tl(tmp_path / "home")("up", "--queue", "kafka")
    assert refused.returncode == 2
    assert "redis" in refused.stderr
    assert "sqs" in refused.stderr

"""`tl` as a user runs it: the main job from end to end, and everything that can go wrong with the platform itself."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.processes import ProcessId
from local.state import Home, State
from tests.command import Tl

pytestmark = pytest.mark.e2e

QUICK = ("--port", "0", "--boot-s", "0.3", "--stop-s", "0.2", "--watch-every", "1", "--seconds-per-minute", "5")


@pytest.fixture
def tl(tmp_path: Path) -> Iterator[Tl]:
    command = Tl(tmp_path / "home")
    yield command
    command.home.clear()


def await_the_end_of(processes: list[ProcessId]) -> None:
    waiting = Retrying(stop=stop_after_delay(20), wait=wait_fixed(0.05), retry=retry_if_result(bool))
    waiting(lambda: [one for one in processes if one.find()])


def assert_all_is_well(status: dict[str, Any]) -> None:
    assert status["node"] | {"id": ""} == {
        "id": "",
        "state": "running",
        "instance_type": "t3.small",
        "worker_ready": True,
        "queue_depth": 0,
    }
    assert {part["name"] for part in status["parts"] if part["alive"]} == {"aws", "redis", "gateway", "node"}


def assert_shell_can_use(exports: str, state: State) -> None:
    script = 'eval "$1"; printenv AWS_ENDPOINT_URL TL_API_URL REDIS_PORT'
    found = subprocess.run(["bash", "-c", script, "-", exports], capture_output=True, text=True, check=True).stdout
    assert found.split() == [state.aws_url, state.api_url, str(state.redis_port)]


def test_a_prompt_to_a_sleeping_node_comes_back_as_text_and_nothing_stays_behind(tl: Tl) -> None:
    state = tl.up(*QUICK)
    assert tl("up").stderr.startswith(f"already running at {state.api_url}")

    asked = tl("ask", "-", "--idle", "30", stdin="Name a colour.")
    assert asked.returncode == 0, asked.stderr
    assert len(asked.stdout.strip()) > 3
    assert "done after" in asked.stderr

    assert_all_is_well(json.loads(tl("status", "--json").stdout))
    assert_shell_can_use(tl("env").stdout, state)
    assert tl("ask", "").returncode == 1
    assert '"event": "ready"' in tl("logs", "worker").stdout

    running = tl.everything()
    assert len(running) >= 7  # the supervisor, its four parts, the engine and the worker
    assert tl("down").returncode == 0
    assert [one for one in running if one.find()] == []
    assert tl("down").returncode == 0
    assert tl("status").returncode == tl("ask", "Anybody?").returncode == 3


def test_ctrl_c_cancels_the_job(tl: Tl) -> None:
    tl.up(*QUICK)
    asking = tl.start("ask", "Tell a long story.")
    accepted = Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.1), retry=retry_if_result(lambda text: not text))
    accepted(lambda: "POST /infer" in tl.home.log("gateway").read_text())
    first_look = Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.1), retry=retry_if_result(lambda text: not text))
    first_look(lambda: "GET /jobs/{id}" in tl.home.log("gateway").read_text())

    asking.send_signal(signal.SIGINT)
    _, told = asking.communicate(timeout=30)

    assert asking.returncode == 130
    assert "cancelled" in told
    assert '"route":"DELETE /jobs/{id}","status":202' in tl.home.log("gateway").read_text()


def test_a_port_in_use_is_named_and_nothing_is_started(tl: Tl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = tl("up", "--port", port)

    assert done.returncode == 1
    assert port in done.stderr
    assert "--port" in done.stderr
    assert tl.home.read() is None


def test_a_part_that_is_killed_takes_the_rest_down_and_the_reason_is_told(tl: Tl) -> None:
    first = tl.up(*QUICK)
    running = tl.everything()
    redis = next(part for part in first.parts if part.name == "redis")

    os.kill(redis.process.pid, signal.SIGKILL)
    await_the_end_of(running)

    status = tl("status")
    assert status.returncode == 3
    assert f"redis (pid {redis.process.pid}) was killed by SIGKILL" in status.stderr
    assert "tl up" in status.stderr
    assert json.loads(tl("status", "--json").stdout)["status"] == "failed"
    assert tl.up(*QUICK).serving


def test_a_supervisor_that_is_killed_leaves_nothing_but_a_stale_file(tl: Tl) -> None:
    tl.up(*QUICK)
    running = tl.everything()

    os.kill(tl.state.supervisor.pid, signal.SIGKILL)
    if sys.platform == "linux":
        await_the_end_of(running)

    status = tl("status")
    assert status.returncode == 3
    assert "supervisor died" in status.stderr
    assert tl.up(*QUICK).serving
    assert [one for one in running if one.find()] == []


def test_two_at_the_same_time_end_in_one_platform(tl: Tl) -> None:
    starts = [tl.start("up", *QUICK) for _ in range(2)]
    codes = []
    for start in starts:
        start.communicate(timeout=100)
        codes.append(start.returncode)

    assert 0 in codes
    assert tl.state.serving
    supervisors = [one for one in psutil.process_iter(["cmdline"]) if _supervises(one, tl.home)]
    assert len(supervisors) == 1


def _supervises(process: psutil.Process, home: Home) -> bool:
    words = process.info["cmdline"] or []
    return "platform" in words and str(home.path) in words


def test_it_can_be_ended_before_it_is_ready(tl: Tl) -> None:
    starting = tl.start("up", *QUICK)
    begun = Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.02), retry=retry_if_result(lambda state: not state))
    begun(tl.home.read)
    running = tl.everything()

    starting.send_signal(signal.SIGINT)
    starting.communicate(timeout=30)

    assert starting.returncode == 130
    assert [one for one in running if one.find()] == []
    assert "not running" in tl("status").stderr

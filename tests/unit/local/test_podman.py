"""Containers that do not outlive us, with a podman that only writes down what it is asked."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local import podman
from local.processes import ROOT

FAKE = """#!/bin/sh
echo "$@" >>"$PODMAN_LOG"
case "$1" in ps) echo c0ffee ;; broken) echo "no such thing" >&2; exit 125 ;; esac
"""
REMOVED = "rm --force --time 0 c0ffee"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What podman was asked, a call a line."""
    program, log = tmp_path / "podman", tmp_path / "log"
    program.write_text(FAKE)
    program.chmod(0o755)
    log.touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PODMAN_LOG", str(log))
    return log


def eventually_removed(asked: Path) -> bool:
    waiting = Retrying(stop=stop_after_delay(20), wait=wait_fixed(0.02), retry=retry_if_result(lambda done: not done))
    return bool(waiting(lambda: REMOVED in asked.read_text()))


def test_what_is_on_a_leash_is_gone_when_the_leash_is_let_go(asked: Path) -> None:
    with podman.leash("mine"):
        assert asked.read_text() == ""

    assert asked.read_text().splitlines() == ["ps --all --quiet --filter label=tinyllama=mine", REMOVED]


def test_what_is_on_a_leash_is_gone_when_its_holder_is_killed(asked: Path) -> None:
    program = (
        "import time; from local.podman import leash\nwith leash('mine'): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert REMOVED not in asked.read_text()
        holder.send_signal(signal.SIGKILL)

    assert eventually_removed(asked)


def test_a_refusal_says_what_podman_wrote(asked: Path) -> None:
    with pytest.raises(podman.PodmanError, match=r"podman broken failed \(125\): no such thing"):
        podman.podman("broken", "words")


@pytest.mark.parametrize(
    ("platform", "missing", "user", "said"),
    [
        ("darwin", set(), 0, "systemd in a container needs Linux"),
        (
            "linux",
            {"podman", "runc"},
            0,
            "missing: podman, runc. On Debian or Ubuntu: apt-get install podman runc mmdebstrap",
        ),
        ("linux", set(), 1000, "a host that boots systemd needs root: run it with sudo"),
        ("linux", set(), 0, ""),
    ],
    ids=["not linux", "without podman", "not root", "all is there"],
)
def test_what_is_missing_is_said_with_how_to_have_it(
    platform: str, missing: set[str], user: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SimpleNamespace(which=lambda tool, path: None if tool in missing else tool)
    monkeypatch.setattr("local.podman.shutil", found)
    monkeypatch.setattr("local.podman.sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr("local.podman.os", SimpleNamespace(environ={}, geteuid=lambda: user))

    assert podman.lacks() == said

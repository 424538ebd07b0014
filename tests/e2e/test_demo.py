"""The main job from the outside: `tl demo` as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_the_demo_tells_the_whole_story_and_leaves_nothing_running(tmp_path: Path) -> None:
    mark = {"TL_DEMO_RUN": str(tmp_path)}
    environ = {**os.environ, **mark, "COLUMNS": "120", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "local", "demo", "--svg", str(tmp_path / "demo.svg")],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    states = [line.split("node is ")[1].split()[0] for line in told.splitlines() if "node is " in line]
    boot = ["pending", "running", "ready"]
    assert states[:4] == ["stopped", *boot]
    assert states[-1] == "stopped"
    assert told.count("the model wrote") == 2
    assert "t3.small (0.0210 EUR/h) → g4dn.xlarge" in told
    assert "node-seconds" in told
    assert (tmp_path / "demo.svg").stat().st_size > 10_000
    left = [process for process in psutil.process_iter() if _belongs(process, mark)]
    assert not left


def _belongs(process: psutil.Process, mark: dict[str, str]) -> bool:
    try:
        return mark.items() <= process.environ().items()
    except psutil.Error:
        return False

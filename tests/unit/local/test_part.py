"""A part of the platform as a process."""

import subprocess
import sys

from local.processes import ROOT


def test_it_runs_the_part_s_own_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.part", "aws", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--boot-s" in done.stdout

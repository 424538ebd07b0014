"""The runs of these tests are `ansible-playbook`'s: what a forked one says and does, the command says and does."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ansible.conftest import BIN, ROOT, Cloud, Playbooks, Run


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        (["-eresize_to=nothing"], 2),
        (["-etarget=g4dn.xlarge"], 2),
        (["-etarget=g4dn.xlarge", "--check", "--diff"], 0),
        (["--no-such-option"], 2),
    ],
    ids=["bad input", "refused", "predicted", "bad option"],
)
def test_output_and_exit_code_are_the_command_s(
    cloud: Cloud, runbook: Callable[..., Run], inputs: list[str], code: int, tmp_path: Path
) -> None:
    forked = runbook("resize", *inputs)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TL_AUDIT_FILE": str(tmp_path / "other.jsonl"), "COLUMNS": "500"}
    command = [str(BIN / "ansible-playbook"), "playbooks/resize.yml", *inputs]
    with (tmp_path / "told.txt").open("w") as told:
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=told, stderr=subprocess.STDOUT, check=False)
    assert (forked.code, timeless(forked.output)) == (done.returncode, timeless((tmp_path / "told.txt").read_text()))
    assert forked.code == code


def timeless(output: str) -> str:
    return re.sub(r"seconds: [\d.]+", "seconds: …", output)


def test_a_run_has_an_environment_of_its_own_and_leaves_nothing_to_the_next(
    cloud: Cloud, runbook: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert "instances with them: none" in runbook("resize", target="g4dn.xlarge").output
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert "t3.small, stopped" in runbook("resize", target="g4dn.xlarge").output


def test_a_run_that_takes_too_long_is_ended_and_the_next_one_is_fine(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.ansible.conftest._LIMIT_S", 0.05)
    playbooks = Playbooks()
    with pytest.raises(TimeoutError):
        playbooks.run(["--version"], dict(os.environ), tmp_path / "output.txt")
    monkeypatch.undo()
    assert playbooks.run(["--version"], dict(os.environ), tmp_path / "output.txt") == 0
    playbooks.close()

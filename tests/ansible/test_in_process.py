"""What our action plugins share: arguments are checked as a module's are, and a secret among them never comes back."""

import json
import os
import subprocess
from pathlib import Path

from tests.ansible.conftest import BIN, ROOT

PLUGIN = """
from plugins.in_process import InProcess


class ActionModule(InProcess):
    arguments = {
        "word": {"type": "str", "no_log": True},
        "times": {"type": "int", "default": 1},
        "to": {"type": "str"},
    }
    required_if = [("times", 2, ["to"])]

    def do(self, options, *, check):
        return {"msg": f"{options['word']} times {options['times'] + 1} to {options['to']}, check {check}"}
"""
TASKS = (
    {"tl_echo": {"word": "tiger", "times": "2", "to": "me"}, "check_mode": True},
    {"tl_echo": {"times": "many"}},
    {"tl_echo": {"times": 2}},
    {"tl_echo": {"tunes": 2}},
)


def test_arguments_are_checked_as_a_module_s_are_and_a_secret_is_not_answered(tmp_path: Path) -> None:
    (tmp_path / "action").mkdir()
    (tmp_path / "action" / "tl_echo.py").write_text(PLUGIN)
    tasks = [{**task, "ignore_errors": True} for task in TASKS]
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    env = {**os.environ, "PYTHONPATH": str(ROOT), "ANSIBLE_ACTION_PLUGINS": str(tmp_path / "action")}
    done = subprocess.run(
        [BIN / "ansible-playbook", "-v", tmp_path / "play.yml"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "msg: '******** times 3 to me, check True'" in done.stdout
    assert "tiger" not in done.stdout + done.stderr
    assert "argument 'times' is of type str and we were unable to convert to int" in done.stdout
    assert "times is 2 but all of the following are missing: to" in done.stdout
    assert "Unsupported parameters for (tl_echo) module: tunes" in done.stdout
    assert "ok=4" in done.stdout
    assert "ignored=3" in done.stdout

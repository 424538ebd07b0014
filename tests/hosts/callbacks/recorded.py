"""Ansible callback: writes what each task of a run took and changed to $TL_RECORD, one JSON object a line."""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorded
type: notification
short_description: one JSON object a task, to the file that TL_RECORD names
description: Says for each task its role, its seconds, and whether it changed something.
requirements: [TL_RECORD in the environment; without it, nothing is written]
"""


class CallbackModule(CallbackBase):  # type: ignore[misc] # Ansible has no type hints
    """Appends `{run, check, playbook, role, task, seconds, changed}` for each task that ran."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorded"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Prepare; nothing is written before a task ends."""
        super().__init__()
        self._file = os.environ.get("TL_RECORD", "")
        self._run = time.time()
        self._playbook, self._check = "", False
        self._began: dict[str, float] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember which playbook this is."""
        self._playbook = Path(playbook._file_name).name

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Remember whether it only looks."""
        self._check = bool(play.check_mode)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Start the clock."""
        self._began[task._uuid] = time.monotonic()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Start the clock."""
        self._began[task._uuid] = time.monotonic()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Write the line."""
        task = result._task
        role = task._role.get_name() if task._role else ""
        line = {
            "run": self._run,
            "check": self._check,
            "playbook": self._playbook,
            "role": role,
            "task": task.get_name().strip(),
            "seconds": round(time.monotonic() - self._began.get(task._uuid, time.monotonic()), 3),
            "changed": bool(result._result.get("changed")),
        }
        if self._file:
            with Path(self._file).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

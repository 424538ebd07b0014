"""Runs a playbook against the local AWS, as an operator would."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.processes import ROOT, environment

NODE_NAME = "tinyllama-gpu"
_TASK = re.compile(r"^TASK \[(.+?)\]")


class RunbookError(Exception):
    """The playbook failed; the message is its output."""


def resize(
    target: str, settings: Mapping[str, str], audit_file: Path, tell: Callable[[str], None]
) -> Mapping[str, Any]:
    """Run `playbooks/resize.yml`; `tell` hears each task's name. Returns the line it added to the audit file.

    Raises:
        RunbookError: it failed.
    """
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "playbooks/resize.yml"]
    command += ["-e", f"target={target}", "-e", f"confirm={NODE_NAME}", "-e", "poll_interval=0.2"]
    environ = environment({**settings, "TL_AUDIT_FILE": str(audit_file), "ANSIBLE_NOCOLOR": "1"})
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as playbook:
        for line in playbook.stdout or ():
            lines.append(line)
            if task := _TASK.match(line):
                tell(f"ansible-playbook playbooks/resize.yml · {task[1]}")
    if playbook.returncode:
        raise RunbookError(f"playbooks/resize.yml failed ({playbook.returncode}):\n{''.join(lines)}")
    found: Mapping[str, Any] = json.loads(audit_file.read_text().splitlines()[-1])
    return found

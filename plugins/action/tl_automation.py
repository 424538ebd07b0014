"""Ansible action: `tl_automation`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_automation
from plugins.in_process import InProcess


class ActionModule(InProcess, services=("ssm",)):
    """One task."""

    arguments = tl_automation.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_automation.run(options, check=check, tell=self.tell)

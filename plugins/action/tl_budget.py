"""Ansible action: `tl_budget`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_budget
from plugins.in_process import InProcess


class ActionModule(InProcess, services=("sts", "budgets", "ec2", "elasticache")):
    """One task."""

    arguments = tl_budget.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_budget.run(options, check=check)

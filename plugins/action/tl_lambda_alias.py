"""Ansible action: `tl_lambda_alias`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_lambda_alias
from plugins.in_process import InProcess


class ActionModule(InProcess, services=("lambda",)):
    """One task."""

    arguments = tl_lambda_alias.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_lambda_alias.run(options, check=check)

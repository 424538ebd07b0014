"""Ansible action: `tl_address`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_address
from plugins.in_process import InProcess


class ActionModule(InProcess, services=("ec2",)):
    """One task."""

    arguments = tl_address.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_address.run(options, check=check)

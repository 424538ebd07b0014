"""Ansible action: `tl_image`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_image
from plugins.in_process import InProcess


class ActionModule(InProcess, services=("ec2",)):
    """One task."""

    arguments = tl_image.ARGUMENTS
    required_if = tl_image.NEEDS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_image.run(options, check=check)

"""Ansible action: `tl_smoke`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_smoke
from plugins.in_process import InProcess


class ActionModule(InProcess):
    """One task."""

    arguments = tl_smoke.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_smoke.run(options, check=check)

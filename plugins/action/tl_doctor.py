"""Ansible action: `tl_doctor`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_doctor
from plugins.in_process import InProcess


class ActionModule(InProcess):
    """One task."""

    arguments = tl_doctor.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:  # noqa: ARG002 -- it only looks
        """Run the module."""
        return tl_doctor.run(options)

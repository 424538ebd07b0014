"""Ansible action: `tl_smoke_user`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_smoke_user
from plugins.in_process import InProcess


class ActionModule(InProcess, services=("cognito-idp", "ssm")):
    """One task."""

    arguments = tl_smoke_user.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_smoke_user.run(options, check=check, tell=self.tell)

"""Ansible action: `tl_queue_cluster`, in the process of `ansible-playbook`."""

from __future__ import annotations

from typing import Any

from library import tl_queue_cluster
from plugins.in_process import InProcess


class ActionModule(InProcess, services=("elasticache", "ec2")):
    """One task."""

    arguments = tl_queue_cluster.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        return tl_queue_cluster.run(options, check=check, tell=self.tell)

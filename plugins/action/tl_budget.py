"""Ansible action: runs the module `tl_budget` in `ansible-playbook` itself. What it does is documented in `library/`.

As with `tl_node` (docs/adr/0051): starting a Python for it takes longer than what it does.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from library import tl_budget


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """One task."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, and do what is asked."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(tl_budget.ARGUMENTS)
        return result | tl_budget.run(options, check=self._task.check_mode)

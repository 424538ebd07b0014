"""Ansible action: runs the module `tl_automation` in `ansible-playbook` itself, so that its progress is seen at once.

What it does is documented in `library/`.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from library import tl_automation


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """One task."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, and do what is asked."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(tl_automation.ARGUMENTS)
        display = Display()
        done = tl_automation.run(options, check=self._task.check_mode, tell=lambda text: display.display(f"  {text}"))
        return result | done

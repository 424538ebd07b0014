"""Ansible action: runs the module `tl_node` in `ansible-playbook` itself. What it does is documented in `library/`.

Packing a module and starting a Python for it takes as long as `ansible-playbook` with nothing to do (docs/adr/0051).
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from library import tl_node


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """One task."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, and do what is asked."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(tl_node.ARGUMENTS)
        display = Display()
        answered = tl_node.run(options, check=self._task.check_mode, tell=lambda text: display.display(f"  {text}"))
        return result | answered

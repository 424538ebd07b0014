"""What our action plugins share: a module that runs in `ansible-playbook` itself, where its progress is seen at once.

Packing a module and starting a Python for it takes as long as `ansible-playbook` with nothing to do (docs/adr/0051).
What a module does is documented in `library/`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


class InProcess(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """One task. A plugin says what `arguments` its module takes, and what to `do`."""

    arguments: ClassVar[dict[str, dict[str, Any]]]
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, and do what is asked."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(self.arguments)
        return result | self.do(options, check=self._task.check_mode)

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """What the module answers."""
        raise NotImplementedError

    @staticmethod
    def tell(text: str) -> None:
        """Show progress, below the task's name."""
        Display().display(f"  {text}")

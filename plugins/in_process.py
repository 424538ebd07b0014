"""What our action plugins share: a module that runs in `ansible-playbook` itself, where its progress is seen at once.

Packing a module and starting a Python for it takes as long as `ansible-playbook` with nothing to do (docs/adr/0051).
What a module does is documented in `library/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


class InProcess(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """One task. A plugin says what `arguments` its module takes, when they are needed, and what to `do`.

    Ansible forks for each task, after it has loaded the plugin: `services` of AWS that every such task asks are
    prepared for all of them then.
    """

    arguments: ClassVar[dict[str, dict[str, Any]]]
    required_if: ClassVar[Sequence[tuple[str, object, Sequence[str]]]] = ()
    _requires_connection = False
    _supports_check_mode = True

    def __init_subclass__(cls, services: tuple[str, ...] = (), **more: Any) -> None:
        super().__init_subclass__(**more)
        if services:
            from tinyllama.adapters.aws_models import preload  # noqa: PLC0415 -- boto3 is slow, and not all need it

            preload(*services)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, and do what is asked."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        checked, options = self.validate_argument_spec(self.arguments, required_if=self.required_if)
        answered: dict[str, Any] = remove_values(self.do(options, check=self._task.check_mode), checked._no_log_values)
        return result | answered

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """What the module answers."""
        raise NotImplementedError

    @staticmethod
    def tell(text: str) -> None:
        """Show progress, below the task's name."""
        Display().display(f"  {text}")

"""Ansible action: runs the module `tl_node` in `ansible-playbook` itself. What it does is documented in `library/`.

Packing a module and starting a Python for it takes as long as `ansible-playbook` with nothing to do (docs/adr/0051).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from library import tl_node

_TIMEOUT_S = 2.0


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
        if self._task.check_mode and _wakes(answered):
            answered["warnings"] = [*answered.get("warnings", ()), *_forbidden(answered["node"]["region"], options)]
        return result | answered


def _wakes(answered: Mapping[str, Any]) -> bool:
    """Whether the plan starts a node that is asleep."""
    asleep = (answered.get("before") or {}).get("state") in {"stopped", "stopping"}
    return asleep and any(step["action"] == "start" for step in answered.get("steps", ()))


def _forbidden(region: str, options: Mapping[str, Any]) -> list[str]:
    """What is to be said of the wake switch (docs/adr/0052): an operator may start the node all the same."""
    from tinyllama.adapters.aws_json import AwsJson  # noqa: PLC0415 -- most runs wake nothing
    from tinyllama.adapters.wake_parameter import WakeParameter  # noqa: PLC0415
    from tinyllama.domain.wake_switch import WakeSwitchError  # noqa: PLC0415

    parameter = WakeParameter(AwsJson(region, timeout_s=_TIMEOUT_S, endpoint_url=options["endpoint_url"]))
    try:
        switch = parameter.read().at(datetime.now(UTC))
    except WakeSwitchError as error:
        return [f"Whether requests may wake the node is unknown: {error}. This starts it all the same."]
    if switch.enabled:
        return []
    told = f"Requests may not wake the node: {switch}. This starts it all the same, under a lease"
    return [f"{told}; docs/ops/budget_recovery.md says more."]

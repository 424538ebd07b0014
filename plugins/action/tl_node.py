"""Ansible action: `tl_node`, in the process of `ansible-playbook`. Its plan says whether wakes are forbidden."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from library import tl_node
from plugins.in_process import InProcess

_TIMEOUT_S = 2.0


class ActionModule(InProcess):
    """One task."""

    arguments = tl_node.ARGUMENTS

    def do(self, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Run the module."""
        answered = tl_node.run(options, check=check, tell=self.tell)
        if check and _wakes(answered):
            answered["warnings"] = [*answered.get("warnings", ()), *_forbidden(answered["node"]["region"], options)]
        return answered


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

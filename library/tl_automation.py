#!/usr/bin/python
"""Ansible module: run an Automation document. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.ssm_automation import SsmAutomation, connect
    from tinyllama.automation import Patience, carry_out, prepare
    from tinyllama.domain.automation import Execution
    from tinyllama.domain.automation_run import AutomationRunError, AutomationStep, seconds
    from tinyllama.domain.errors import AutomationError

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_automation
short_description: Run an Automation document of AWS Systems Manager, and wait for its end
description:
  - Starts the document once, however often the answer is lost, waits, and tells the steps that were executed.
  - An execution of the document that is under way with the same parameters is followed, and none is started beside it.
    So a run that was killed is gone on with by running it again. One that has ended is not; then a second one starts.
  - What a failed execution had done is put back by the document, if by anything.
options:
  document:
    description: Name of the document.
    type: str
    required: true
  parameters:
    description: Its parameters, each one text. An empty one is left to its default.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds to wait. The execution goes on after that; the same task follows it.
    type: int
    default: 900
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 3.0
extends_documentation_fragment: [tl_place]
attributes:
  check_mode:
    description: Looks for the document, its parameters, and an execution to follow. C(executed) is not predicted.
    support: full
"""

EXAMPLES = r"""
- name: Put the node to sleep as the admin API does
  tl_automation:
    document: TL-ResizeInstance
    parameters: {InstanceId: i-0123456789abcdef0, Action: stop}
"""

RETURN = r"""
steps:
  description: What the module did, in check mode what it would do.
  returned: success
  type: list
  elements: dict
  sample: [{action: start, target: TL-ResizeInstance, reason: none is under way with these parameters}]
execution:
  description: Id and status of the execution; the id is empty in check mode where it would be started.
  returned: always, once an execution is known
  type: dict
  sample: {id: 73c8eef8-f4ee-4a05-820c-e354fef5a61f, status: succeeded}
executed:
  description: The document's own steps that have begun, with the seconds that each took.
  returned: always, once an execution is known
  type: list
  elements: dict
  sample: [{name: stop, action: "aws:executeAwsApi", status: succeeded, seconds: 0.4, error: ""}]
outputs:
  description: The document's outputs.
  returned: success
  type: dict
restored:
  description: Null when nothing was started, else false.
  returned: failure
  type: bool
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "document": {"type": "str", "required": True},
    "parameters": {"type": "dict", "default": {}},
    "wait_timeout": {"type": "int", "default": 900},
    "poll_interval": {"type": "float", "default": 3.0},
    **{name: {"type": "str"} for name in ("region", "endpoint_url")},
}


def run(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Do what is asked; a failure is an answer, too."""
    if MISSING:
        return {"failed": True, "msg": missing_required_lib("tinyllama")}
    try:
        return ensure(options, check=check, tell=tell)
    except AutomationError as error:
        return {"failed": True, "msg": f"{error}. Nothing was touched.", "restored": None}
    except AutomationRunError as error:
        failure = {"failed": True, "msg": str(error), "restored": False if error.touched else None}
        return failure | (shown(error.execution) if error.execution else {})


def ensure(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and wait."""
    control = SsmAutomation(connect(region=options["region"], endpoint_url=options["endpoint_url"]))
    given = {name: str(value) for name, value in options["parameters"].items()}
    step, running = prepare(control, options["document"], given)
    if not check:
        patience = Patience(options["wait_timeout"], options["poll_interval"], tell=tell)
        running = carry_out(control, step, given, patience)
    return answer(step, running)


def answer(step: AutomationStep, execution: Execution | None) -> dict[str, Any]:
    """Put the result together: the same, but for the execution's own facts, whether it was done or only predicted."""
    return {
        "changed": step.action == "start",
        "steps": [{"action": step.action, "target": step.target, "reason": step.reason}],
        "outputs": dict(execution.outputs) if execution else {},
        **shown(execution),
    }


def shown(execution: Execution | None) -> dict[str, Any]:
    """The execution's facts."""
    if execution is None:
        return {"execution": {"id": "", "status": ""}, "executed": []}
    executed = [
        {
            "name": step.name,
            "action": step.action,
            "status": step.status.value,
            "seconds": seconds(step),
            "error": step.error,
        }
        for step in execution.steps
    ]
    return {"execution": {"id": execution.id, "status": execution.status.value}, "executed": executed}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    done = run(module.params, check=module.check_mode, tell=module.log)
    if done.get("failed"):
        module.fail_json(**done)
    module.exit_json(**done)


if __name__ == "__main__":
    main()

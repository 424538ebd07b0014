"""One execution of an Automation document: its steps in order, recorded as `GetAutomationExecution` tells of them."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.core.clock import Clock
from local.aws.ssm.document import Specification, StepSpec, UnresolvedError, substituted
from local.aws.ssm.steps import (
    CallAws,
    CancelledError,
    Found,
    StepFailedError,
    StepTimedOutError,
    Tools,
    execute,
)

POLL_S = 0.05
"""Real seconds between two looks at a resource; timeouts go by the clock."""
_FAILED = (StepFailedError, UnresolvedError, BotoCoreError, ClientError)


class Run:
    """An execution, over time. `facts` is ready for JSON; what `call` cannot do makes the step fail."""

    def __init__(
        self, facts: dict[str, Any], document: Specification, known: Mapping[str, str], call: CallAws, clock: Clock
    ) -> None:
        """Nothing happens before `run`; `known` are the variables with their values."""
        self._document, self._known, self._clock = document, dict(known), clock
        self._tools = Tools(call, self._wait, lambda: clock().timestamp())
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._facts = {
            **facts,
            "AutomationExecutionStatus": "InProgress",
            "ExecutionStartTime": _time(clock()),
            "Outputs": {},
        }
        self._steps: list[dict[str, Any]] = []

    def facts(self) -> dict[str, Any]:
        """Return the execution as it is now, without its steps."""
        with self._lock:
            return dict(self._facts)

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps that have begun, then those of the document that have not."""
        with self._lock:
            begun = [dict(step) for step in self._steps]
        names = {step["StepName"] for step in begun}
        later = [_facts(step) | {"StepStatus": "Pending"} for step in self._document.steps if step.name not in names]
        return begun + later

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more."""
        return "ExecutionEndTime" in self._facts

    def cancel(self) -> None:
        """End after the call under way."""
        self._cancelled.set()

    def run(self) -> None:
        """Carry out the steps until the end."""
        name: str | None = self._document.steps[0].name
        status, reason = "Success", ""
        try:
            while name is not None:
                step = self._document.step(name)
                chosen, failure = self._carry_out(step)
                if failure and step.critical and status == "Success":
                    status, reason = failure["StepStatus"], failure["FailureMessage"]
                name = self._document.after(step, failed=bool(failure), chosen=chosen)
        except CancelledError:
            status, reason = "Cancelled", "Execution was stopped by StopAutomationExecution."
        self._end(status, reason)

    def _carry_out(self, step: StepSpec) -> tuple[str | None, dict[str, Any]]:
        """Return the step that a branch chose, and what is to be said of a failure."""
        if self._cancelled.is_set():
            raise CancelledError
        record = _facts(step) | {"StepStatus": "InProgress", "ExecutionStartTime": _time(self._clock())}
        with self._lock:
            self._steps.append(record)
        found, failure = Found(), dict[str, Any]()
        try:
            inputs = substituted(step.inputs, self._known)
            found = execute(step, inputs, self._tools)
        except StepTimedOutError as error:
            failure = _failure("TimedOut", error)
        except _FAILED as error:
            failure = _failure("Failed", error)
        except CancelledError:
            self._note(record, {"StepStatus": "Cancelled"})
            raise
        self._known |= {f"{step.name}.{name}": value for name, value in found.outputs.items()}
        said = {"Outputs": {name: [value] for name, value in found.outputs.items()}}
        self._note(record, failure or {"StepStatus": "Success", **said})
        return found.chosen, failure

    def _note(self, record: dict[str, Any], news: Mapping[str, Any]) -> None:
        with self._lock:
            record |= {**news, "ExecutionEndTime": _time(self._clock())}

    def _end(self, status: str, reason: str) -> None:
        outputs = {name: [self._known.get(name, "No output available yet")] for name in self._document.outputs}
        with self._lock:
            self._facts |= {"AutomationExecutionStatus": status, "Outputs": outputs}
            self._facts |= {"FailureMessage": reason} if reason else {}
            self._facts["ExecutionEndTime"] = _time(self._clock())

    def _wait(self) -> bool:
        return not self._cancelled.wait(POLL_S)


def _facts(step: StepSpec) -> dict[str, Any]:
    return {
        "StepName": step.name,
        "Action": step.action,
        "StepExecutionId": step.name,
        "TimeoutSeconds": int(step.timeout_s),
        "OnFailure": "step" if step.on_failure.startswith("step:") else step.on_failure,
        "IsCritical": step.critical,
        "IsEnd": step.is_end,
        **({"NextStep": step.next_step} if step.next_step else {}),
    }


def _failure(status: str, error: Exception) -> dict[str, Any]:
    text = f"Step fails when it is Execute/Cancelling action. {error}. Please refer to Automation Service "
    return {"StepStatus": status, "FailureMessage": f"{text}Troubleshooting Guide for more diagnosis details."}


def _time(at: datetime) -> float:
    return at.timestamp()

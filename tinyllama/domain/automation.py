"""An execution of an Automation document of AWS Systems Manager, as we report it.

Source: AWS Systems Manager API Reference, "AutomationExecution" and "StepExecution".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_CODE = re.compile(r"(?:An error occurred \(|Error Code: |^)([A-Z]\w+(?:\.\w+)*)(?:\)|;|: )", re.MULTILINE)


class ExecutionStatus(StrEnum):
    """What has become of an execution, or of one of its steps: AWS's many words, as the four that matter."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATUS: Mapping[str, ExecutionStatus] = {
    "Pending": ExecutionStatus.RUNNING,
    "InProgress": ExecutionStatus.RUNNING,
    "Waiting": ExecutionStatus.RUNNING,
    "Cancelling": ExecutionStatus.RUNNING,
    "Success": ExecutionStatus.SUCCEEDED,
    "CompletedWithSuccess": ExecutionStatus.SUCCEEDED,
    "Cancelled": ExecutionStatus.CANCELLED,
}


def status_of(word: str) -> ExecutionStatus:
    """Say in our words what AWS calls a status; what is neither under way nor good (`TimedOut`, `Failed`) failed."""
    return _STATUS.get(word, ExecutionStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Step:
    """A step that has begun. `error` is AWS's text when it failed; times are seconds since the epoch.

    The execution fails when a `critical` step does.
    """

    name: str
    action: str
    status: ExecutionStatus
    error: str = ""
    critical: bool = True
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def error_code(self) -> str:
        """AWS's code within the text, such as `InsufficientInstanceCapacity`; empty when there is none."""
        found = _CODE.search(self.error)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution; `steps` in the order in which they began, `error` is AWS's own summary of a failure."""

    id: str
    document: str
    status: ExecutionStatus
    parameters: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more."""
        return self.status is not ExecutionStatus.RUNNING

    @property
    def failed_step(self) -> Step | None:
        """The step that made it fail; what follows it puts things back. A step that may fail is none."""
        failed = (step for step in self.steps if step.critical and step.status is ExecutionStatus.FAILED)
        return next(failed, None)


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """An execution as a listing has it."""

    id: str
    status: ExecutionStatus

"""Running an Automation document from a runbook: what is asked, whether it runs already, and how its end reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tinyllama.domain.automation import Execution, ExecutionStatus, Step
from tinyllama.domain.errors import TinyllamaError

Defaults = Mapping[str, str | None]
"""A document's parameters with their default values; None for one that has to be given."""


class AutomationRunError(TinyllamaError):
    """The document was not run, or did not end well; `touched` is whether an execution may have been started."""

    def __init__(self, message: str, *, execution: Execution | None = None, touched: bool = False) -> None:
        super().__init__(message)
        self.execution = execution
        self.touched = touched


@dataclass(frozen=True, slots=True)
class AutomationStep:
    """`start`, or `follow` one that is under way; of which document or execution, and why."""

    action: str
    target: str
    reason: str


def check_parameters(document: str, defaults: Defaults, given: Mapping[str, str]) -> None:
    """Refuse parameters that AWS would refuse. Raises `AutomationRunError`."""
    unknown, missing = sorted(set(given) - set(defaults)), sorted(_required(defaults) - set(_filled(given)))
    if unknown or missing:
        wrong = [f"has no parameter {', '.join(unknown)}"] if unknown else []
        wrong += [f"needs {', '.join(missing)}"] if missing else []
        raise AutomationRunError(f"{document} {' and '.join(wrong)}; its parameters are {', '.join(sorted(defaults))}.")


def plan(
    document: str, defaults: Defaults, given: Mapping[str, str], running: Iterable[Execution]
) -> tuple[AutomationStep, Execution | None]:
    """Follow what does the same already, or else start one: a run whose answer was lost is found again."""
    wanted = _effective(defaults, given)
    for execution in running:
        if not execution.ended and _effective(defaults, execution.parameters) == wanted:
            step = AutomationStep("follow", execution.id, f"{document} is under way with these parameters")
            return step, execution
    return AutomationStep("start", document, "none is under way with these parameters"), None


def under_way(execution: Execution) -> str:
    """Where an execution is."""
    step = execution.steps[-1] if execution.steps else None
    return f"step {step.name} ({step.status})" if step else "no step has begun"


def judge(execution: Execution) -> None:
    """Raise `AutomationRunError` for one that has not succeeded; the message has what AWS said of it."""
    if execution.status is ExecutionStatus.SUCCEEDED:
        return
    name = f"{execution.document} ({execution.id})"
    if execution.status is ExecutionStatus.CANCELLED:
        text = f"{name} was cancelled at {under_way(execution)}. What it had done is not put back."
        raise AutomationRunError(text, execution=execution, touched=True)
    failed = execution.failed_step
    if failed is None:
        text = f"{name} failed: {execution.error or 'AWS does not say why'}."
        raise AutomationRunError(text, execution=execution, touched=True)
    after = [step.name for step in execution.steps[execution.steps.index(failed) + 1 :]]
    way_back = f" After that it went on with {', '.join(after)}." if after else " Nothing came after that."
    text = f"{name} failed at step {failed.name}: {failed.error or execution.error}{way_back}"
    raise AutomationRunError(text, execution=execution, touched=True)


def seconds(step: Step) -> float | None:
    """How long it took; None while it has not ended."""
    if step.started_at is None or step.ended_at is None:
        return None
    return round(step.ended_at - step.started_at, 1)


def _required(defaults: Defaults) -> set[str]:
    return {name for name, default in defaults.items() if default is None}


def _filled(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def _effective(defaults: Defaults, given: Mapping[str, str]) -> dict[str, str]:
    return {name: default or "" for name, default in defaults.items()} | _filled(given)

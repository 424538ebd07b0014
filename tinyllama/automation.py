"""Running an Automation document to its end: look, plan, start it once, and wait."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tinyllama.domain.automation import Execution
from tinyllama.domain.automation_run import (
    AutomationRunError,
    AutomationStep,
    Defaults,
    check_parameters,
    judge,
    plan,
    under_way,
)
from tinyllama.domain.errors import AutomationError
from tinyllama.ports import Automation

_TRIES = 3
_LAG_S = 30.0
"""For so long AWS may not know yet of an execution that it has just begun."""
_PASSES = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "InternalServerError",
        "ReadTimeoutError",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
    }
)
"""Codes after which the same call may do: its answer was lost, or AWS was busy."""


class Documents(Automation, Protocol):
    """Automation, and what its documents ask for."""

    def parameters(self, document: str) -> Defaults | None:
        """The parameters of an Automation document; None when there is none of that name. Raises `AutomationError`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that the execution may take, and between two looks; and what time is, and a place to tell of progress."""

    timeout_s: float = 900.0
    poll_s: float = 3.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    tell: Callable[[str], object] = lambda _message: None


def prepare(control: Documents, document: str, given: Mapping[str, str]) -> tuple[AutomationStep, Execution | None]:
    """Look and plan; refuse what AWS would refuse. Raises `AutomationRunError`, and nothing was touched then."""
    try:
        defaults = control.parameters(document)
        if defaults is None:
            raise AutomationRunError(
                f"There is no Automation document {document} here: is this the right account and region? "
                "Terraform makes ours (terraform apply)."
            )
        check_parameters(document, defaults, given)
        running = [control.execution(one.id) for one in control.recent(document)]
    except AutomationError as error:
        raise AutomationRunError(f"{error}. Nothing was touched.") from error
    return plan(document, defaults, given, [one for one in running if one is not None])


def carry_out(control: Documents, step: AutomationStep, given: Mapping[str, str], patience: Patience) -> Execution:
    """Start or follow, and wait for a good end. Raises `AutomationRunError`."""
    patience.tell(f"{step.action} {step.target} ({step.reason})")
    execution_id = step.target if step.action == "follow" else _started(control, step.target, given)
    found = _ended(control, execution_id, patience)
    judge(found)
    return found


def _started(control: Documents, document: str, given: Mapping[str, str]) -> str:
    # The token makes of all these calls one execution, whichever of their answers was lost.
    token, tries = str(uuid.uuid4()), _TRIES
    while True:
        tries -= 1
        try:
            return control.start(document, given, token)
        except AutomationError as error:
            if error.code not in _PASSES:
                raise AutomationRunError(f"AWS has not started {document}: {error}") from error
            if not tries:
                again = "It may be under way: the same command follows it if so."
                raise AutomationRunError(f"{document}: no answer, {error}. {again}", touched=True) from error


def _ended(control: Documents, execution_id: str, patience: Patience) -> Execution:
    began, told, found = patience.clock(), "", None
    while True:
        found = _looked(control, execution_id) or found
        waited = patience.clock() - began
        if found is None and waited > _LAG_S:
            raise AutomationRunError(f"AWS knows nothing of the execution {execution_id}.", touched=True)
        if found and found.ended:
            return found
        where = under_way(found) if found else "not listed yet"
        if where != told:
            patience.tell(f"{where} after {waited:.0f} s")
        told = where
        if waited >= patience.timeout_s:
            raise _late(execution_id, where, found, waited)
        patience.sleep(min(patience.poll_s, patience.timeout_s - waited))


def _looked(control: Documents, execution_id: str) -> Execution | None:
    try:
        return control.execution(execution_id)
    except AutomationError as error:
        if error.code in _PASSES:
            return None
        raise AutomationRunError(f"The execution {execution_id} goes on, but: {error}", touched=True) from error


def _late(execution_id: str, where: str, found: Execution | None, waited: float) -> AutomationRunError:
    text = (
        f"The execution {execution_id} is still under way after {waited:.0f} s: {where}. It goes on by itself. "
        "The same command follows it; to end it: aws ssm stop-automation-execution "
        f"--automation-execution-id {execution_id}"
    )
    return AutomationRunError(text, execution=found, touched=True)

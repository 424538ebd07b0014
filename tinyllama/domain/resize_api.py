"""The admin API: what may be asked of the resize document, and what its execution is said to be doing.

The names of parameters and steps are those of the Automation document `TL-ResizeInstance` (Terraform has it).
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from tinyllama.domain.automation import Execution, ExecutionStatus, ExecutionSummary, Step
from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.domain.lease import LeasePolicy, first_end, rests_until
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.prices import eur_per_hour
from tinyllama.domain.requests import Frozen, bad_fields
from tinyllama.domain.resize_advice import advice

ADMINS = "admins"
"""The Cognito group that may ask."""
_TOKENS = uuid.UUID("6f2d4c1e-8f0b-4a57-9d0e-0d7a3b5c9e21")
CHANGING = ("stop", "modify", "start")
"""The document's steps that change the node."""
PUT_BACK = "restoreType"
"""The document's step that undoes the last of them; the node's state is restored after it."""


class ResizeAction(StrEnum):
    """What an admin may ask for; the document's `Action`."""

    START = "start"
    STOP = "stop"
    RESIZE = "resize"


def _action(value: Any) -> Any:
    return ResizeAction(value) if value in tuple(ResizeAction) else value


class ResizeRequest(Frozen):
    """The body of `POST /resize`: `target` is an instance type, for `resize` only."""

    action: Annotated[ResizeAction, BeforeValidator(_action)]
    target: str | None = None


def parse_resize(body: str | bytes, types: Sequence[str]) -> ResizeRequest:
    """Parse a request body; `types` are the instance types that may be asked for.

    Raises:
        ApiError: `invalid_request`, with every bad field's name, code and message in `fields`.
    """
    try:
        asked = ResizeRequest.model_validate_json(body)
    except ValidationError as error:
        raise ApiError(ErrorCode.INVALID_REQUEST, fields=list(bad_fields(error))) from None
    if asked.action is not ResizeAction.RESIZE:
        if asked.target is not None:
            raise _bad_target("not_allowed", f"{asked.action} takes no target")
    elif asked.target is None:
        raise _bad_target("missing", "resize needs a target")
    elif asked.target not in types:
        raise _bad_target("unknown_type", f"the target must be one of {', '.join(types)}")
    return asked


def _bad_target(code: str, message: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_REQUEST, fields=[{"field": "target", "code": code, "message": message}])


def parameters(asked: ResizeRequest, node: Node, *, now: float, policy: LeasePolicy) -> Mapping[str, str]:
    """Return the document's parameters, with the lease that ends what is started.

    Raises:
        ApiError: the node is such that the document could only fail, or would change nothing.
    """
    if asked.action is ResizeAction.RESIZE and asked.target == node.instance_type:
        raise _bad_target("unchanged", f"the node is a {node.instance_type} already")
    _check_state(asked.action, node)
    if asked.action is ResizeAction.START:
        _check_rest(node, now, policy)
    given = {"InstanceId": node.id, "Action": asked.action.value}
    if asked.action is not ResizeAction.STOP:
        until = datetime.fromtimestamp(first_end(now, policy), UTC)
        given["LeaseUntil"] = f"{until:%Y-%m-%dT%H:%M:%S}"
    return given | ({"TargetType": asked.target} if asked.target else {})


def _check_state(action: ResizeAction, node: Node) -> None:
    if action is ResizeAction.START and node.state in {NodeState.RUNNING, NodeState.PENDING}:
        # The document would write the lease anew: asked for every hour, the node would never stop (ADR 27).
        raise ApiError(ErrorCode.ALREADY_RUNNING)
    if action is ResizeAction.START and node.state is NodeState.STOPPING:
        raise failed("node_stopping: EC2 starts no node that is still stopping, try again in a minute")
    if action is not ResizeAction.START and node.state is NodeState.PENDING:
        raise failed("node_booting: EC2 stops no node that is still booting, try again in a minute")


def _check_rest(node: Node, now: float, policy: LeasePolicy) -> None:
    rest = rests_until(node, policy)
    if node.state is NodeState.STOPPED and rest is not None and now < rest:
        until = datetime.fromtimestamp(rest, UTC).isoformat(timespec="seconds")
        raise failed(f"daily_hours_used: the node has run for as long as it may in a day, until {until}")


def hourly_cost(asked: ResizeRequest, node: Node, region: str) -> Mapping[str, str | None]:
    """Return what an hour costs before and after, EUR, without disk and address; None where no price is known."""
    runs = node.state in {NodeState.RUNNING, NodeState.PENDING}
    will_run = asked.action is ResizeAction.START or (runs and asked.action is ResizeAction.RESIZE)
    return {
        "before": _price(node.instance_type, region) if runs else "0",
        "after": _price(asked.target or node.instance_type, region) if will_run else "0",
    }


def _price(instance_type: str, region: str) -> str | None:
    price = eur_per_hour(instance_type, region)
    return None if price is None else str(price)


def failed(detail: str) -> ApiError:
    """The refusal that says why nothing was, or could be, started."""
    return ApiError(ErrorCode.RESIZE_FAILED, detail=detail)


def start_token(node_id: str, recent: Sequence[ExecutionSummary]) -> str:
    """Return the token of the next execution, or refuse when one is under way; `recent` is newest first.

    Two requests that saw the same executions before them get the same token, and AWS starts one execution for it.

    Raises:
        ApiError: `resize_running`, with the execution's id.
    """
    for one in recent:
        if one.status is ExecutionStatus.RUNNING:
            raise ApiError(ErrorCode.RESIZE_RUNNING, operationId=one.id)
    return str(uuid.uuid5(_TOKENS, f"{node_id} after {recent[0].id if recent else 'none'}"))


def progress(found: Execution) -> Mapping[str, Any]:
    """Return the body of `GET /resize/{operationId}`: steps so far, and how it ended."""
    asked = {"action": found.parameters.get("Action"), "target": found.parameters.get("TargetType")}
    body: dict[str, Any] = {"operationId": found.id, "status": found.status.value}
    body |= {name: text for name, text in asked.items() if text}
    body["steps"] = [_said(step) for step in found.steps]
    if found.ended and found.status is not ExecutionStatus.SUCCEEDED:
        body |= {"restored": restored(found.steps), "error": reason(found)}
    return body


def _said(step: Step) -> Mapping[str, Any]:
    said: dict[str, Any] = {"name": step.name, "status": step.status.value}
    if step.started_at is not None and step.ended_at is not None:
        said["seconds"] = round(step.ended_at - step.started_at, 3)
    return said


def restored(steps: Sequence[Step]) -> bool:
    """Whether the node is as it was before: nothing was changed, or all of it was put back."""
    good = [step.name for step in steps if step.status is ExecutionStatus.SUCCEEDED]
    if not any(name in CHANGING for name in good):
        return True
    return PUT_BACK in good and steps[-1].status is ExecutionStatus.SUCCEEDED


def reason(found: Execution) -> str:
    """Return why an execution did not succeed, and what to do."""
    step = found.failed_step
    if step is None:
        return "Somebody stopped the execution: look at the node, then ask again."
    what = f"{step.name}: {step.error_code or step.error or 'failed'}"
    if not step.error_code:
        return f"{what} Ask again; when it fails again, look at execution {found.id} in the Systems Manager console."
    target = found.parameters.get("TargetType") or "the node's type"
    return f"{what}. {advice(step.error_code, target, 'the zone of the node')}"

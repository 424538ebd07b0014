"""What EventBridge Scheduler accepts as a schedule: pure rules, without moto and without a thread.

Source: EventBridge Scheduler API Reference, "CreateSchedule"; User Guide, "Using universal targets" and "Setting up the
execution role". Where AWS documents no answer (a time in the past), the stricter reading holds.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from botocore.exceptions import UnknownServiceError
from moto.core.utils import get_service_model

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_RECURRING = re.compile(r"rate\([1-9]\d* (minute|hour|day)s?\)|cron\(\S+( \S+){5}\)")
_NAME = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
_UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:([a-z0-9]+):([a-z][A-Za-z0-9]*)")
# No universal target may only read. Source: "Using universal targets", unsupported actions.
_READING = (
    *("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover"),
    *("validate", "batchGet", "batchDescribe", "batchRead", "transactGet", "adminGet", "adminList", "retrieve"),
    *("testMigration", "testConnection", "translateDocument", "isAuthorized", "invokeModel"),
)


class InvalidScheduleError(Exception):
    """AWS would answer `ValidationException`; the text is the message."""


def due_at(expression: str, zone: str | None) -> datetime | None:
    """When a one-shot schedule fires; None for one that recurs. Raises InvalidScheduleError."""
    if _RECURRING.fullmatch(expression):
        return None
    match = _AT.fullmatch(expression)
    try:
        return datetime.fromisoformat(match[1] if match else "").replace(tzinfo=ZoneInfo(zone or "UTC"))
    except ZoneInfoNotFoundError:
        raise InvalidScheduleError(f"Invalid timezone {zone}.") from None
    except ValueError:
        raise InvalidScheduleError(f"Invalid Schedule Expression {expression}.") from None


def check(schedule: Mapping[str, Any], *, trust: str | None, now: datetime) -> None:
    """Refuse what AWS refuses; `trust` is the trust policy of the target's role, None when there is no such role.

    Raises InvalidScheduleError.
    """
    if not _NAME.fullmatch(schedule["name"]):
        raise InvalidScheduleError(f"Value '{schedule['name']}' at 'name' must match {_NAME.pattern}")
    due = due_at(schedule["schedule_expression"] or "", schedule["schedule_expression_timezone"])
    if due is not None and due <= now:
        raise InvalidScheduleError(f"{schedule['schedule_expression']} is in the past.")
    if (schedule["flexible_time_window"] or {}).get("Mode") not in {"OFF", "FLEXIBLE"}:
        raise InvalidScheduleError("FlexibleTimeWindow must have a Mode of OFF or FLEXIBLE.")
    if schedule.get("action_after_completion") not in {None, "NONE", "DELETE"}:
        raise InvalidScheduleError("ActionAfterCompletion must be NONE or DELETE.")
    target = schedule["target"] or {}
    if universal_target(target.get("Arn", "")):
        _check_input(target.get("Input", "{}"))
    if trust is None or not _trusts_scheduler(trust):
        raise InvalidScheduleError(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        )


def universal_target(arn: str) -> tuple[str, str] | None:
    """Service and operation (`ec2`, `StopInstances`) that a target calls; None for a target of another kind.

    Raises InvalidScheduleError for an API call that does not exist or only reads.
    """
    if not arn.startswith("arn:aws:scheduler:"):
        return None
    match = _UNIVERSAL.fullmatch(arn)
    service, operation = (match[1], match[2][0].upper() + match[2][1:]) if match else ("", "")
    if not match or match[2].startswith(_READING) or operation not in _operations(service):
        raise InvalidScheduleError(f"{arn} is not a supported universal target.")
    return service, operation


def _operations(service: str) -> Sequence[str]:
    try:
        names: Sequence[str] = get_service_model(service).operation_names
    except UnknownServiceError:
        return ()
    return names


def _check_input(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        raise InvalidScheduleError("Target Input of a universal target must be well-formed JSON.") from None


def _trusts_scheduler(policy: str) -> bool:
    statements = json.loads(policy)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        services = statement.get("Principal", {}).get("Service", ())
        if statement["Effect"] == "Allow" and "scheduler.amazonaws.com" in (
            [services] if isinstance(services, str) else services
        ):
            return True
    return False

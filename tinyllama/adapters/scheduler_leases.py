"""Leases as one-shot schedules of EventBridge Scheduler, which calls `ec2:StopInstances` by itself.

Source: EventBridge Scheduler User Guide, "Using universal targets" and "One-time schedules".
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.errors import LeaseError

_TARGET = "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"
_TIME = "%Y-%m-%dT%H:%M:%S"
_EXPRESSION = re.compile(r"at\((.+)\)")
_ROUNDS = 3
_CONFLICT, _NOT_FOUND = "ConflictException", "ResourceNotFoundException"


def connect(
    *, region: str | None = None, endpoint_url: str | None = None, timeout_s: float = 5.0, attempts: int = 3
) -> Any:
    """A client; region, endpoint and credentials come from the environment unless given. Raises `LeaseError`."""
    config = Config(
        connect_timeout=timeout_s, read_timeout=timeout_s, retries={"mode": "standard", "total_max_attempts": attempts}
    )
    with _lease_errors():
        return boto3.client("scheduler", config=config, region_name=region, endpoint_url=endpoint_url)


@contextmanager
def _lease_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise LeaseError(_code(error), error.response["Error"].get("Message", "no message")) from error
    except BotoCoreError as error:
        raise LeaseError(type(error).__name__, str(error)) from error


def _code(error: ClientError) -> str:
    return error.response["Error"].get("Code", "Unknown")


class SchedulerLeases:
    """`Leases` on EventBridge Scheduler; `role_arn` is the role that it takes on to stop the node."""

    def __init__(self, client: Any, role_arn: str, group: str = "default") -> None:
        self._client = client
        self._role_arn = role_arn
        self._group = group

    def grant(self, node_id: str, until: int) -> None:
        schedule = self._schedule(node_id, until)
        with _lease_errors():
            # Somebody else may create it between our two calls, or it may fire and delete itself.
            for _ in range(_ROUNDS):
                if self._done(self._client.create_schedule, schedule, unless=_CONFLICT):
                    return
                if self._done(self._client.update_schedule, schedule, unless=_NOT_FOUND):
                    return
        raise LeaseError("Contended", f"the lease of {node_id} kept appearing and disappearing")

    @staticmethod
    def _done(call: Any, schedule: dict[str, Any], *, unless: str) -> bool:
        try:
            call(**schedule)
        except ClientError as error:
            if _code(error) != unless:
                raise
            return False
        return True

    def ends_at(self, node_id: str) -> int | None:
        with _lease_errors():
            try:
                found = self._client.get_schedule(Name=_name(node_id), GroupName=self._group)
            except ClientError as error:
                if _code(error) != _NOT_FOUND:
                    raise
                return None
        return _parsed(found["ScheduleExpression"])

    def _schedule(self, node_id: str, until: int) -> dict[str, Any]:
        # An update replaces everything, so all of it is said each time. Retries stay at AWS's default of a day:
        # this call is the last one that can stop the node.
        return {
            "Name": _name(node_id),
            "GroupName": self._group,
            "Description": "Stops the node unless its worker renews this lease.",
            "ScheduleExpression": f"at({datetime.fromtimestamp(until, UTC).strftime(_TIME)})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {"Arn": _TARGET, "RoleArn": self._role_arn, "Input": json.dumps({"InstanceIds": [node_id]})},
        }


def of_account(client: Any, account: str, role_arn: str | None, group: str | None) -> SchedulerLeases:
    """Leases by the role and in the group that are given, else in the environment, else as Terraform names them."""
    role = role_arn or os.environ.get("LEASE_ROLE_ARN") or f"arn:aws:iam::{account}:role/tinyllama-lease"
    return SchedulerLeases(client, role, group or os.environ.get("LEASE_GROUP") or "tinyllama-leases")


def _name(node_id: str) -> str:
    return f"tinyllama-lease-{node_id}"


def _parsed(expression: str) -> int:
    try:
        [text] = _EXPRESSION.findall(expression)
        return int(datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise LeaseError("UnreadableLease", f"{expression!r} is no one-shot schedule of ours") from None

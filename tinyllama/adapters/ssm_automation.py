"""Automation documents of AWS Systems Manager: start one, follow it, stop it.

Source: AWS Systems Manager API Reference, "StartAutomationExecution", "GetAutomationExecution".
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.automation import Execution, ExecutionSummary, Step, status_of
from tinyllama.domain.errors import AutomationError

_UNKNOWN = "AutomationExecutionNotFoundException"
_NO_DOCUMENT = "InvalidDocument"
_NOW = datetime.max.replace(tzinfo=UTC)  # what has not begun is the newest
_PAGE = 50  # the most that AWS gives at once


def connect(
    *, region: str | None = None, endpoint_url: str | None = None, timeout_s: float = 5.0, attempts: int = 3
) -> Any:
    """A client; region, endpoint and credentials come from the environment unless given. Raises `AutomationError`."""
    config = Config(
        connect_timeout=timeout_s, read_timeout=timeout_s, retries={"mode": "standard", "total_max_attempts": attempts}
    )
    with _automation_errors():
        return boto3.client("ssm", config=config, region_name=region, endpoint_url=endpoint_url)


@contextmanager
def _automation_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"]
        raise AutomationError(reason.get("Code", "Unknown"), reason.get("Message", "no message")) from error
    except BotoCoreError as error:
        raise AutomationError(type(error).__name__, str(error)) from error


class SsmAutomation:
    """`Automation` on Systems Manager."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self, document: str, parameters: Mapping[str, str], token: str) -> str:
        given = {name: [value] for name, value in parameters.items() if value}  # AWS takes no empty value
        with _automation_errors():
            answer = self._client.start_automation_execution(DocumentName=document, Parameters=given, ClientToken=token)
        return str(answer["AutomationExecutionId"])

    def parameters(self, document: str) -> dict[str, str | None] | None:
        """Of an Automation document, each with its default, None where it has none; None when there is no document."""
        try:
            with _automation_errors():
                found = self._client.describe_document(Name=document)["Document"]
        except AutomationError as error:
            if error.code == _NO_DOCUMENT:
                return None
            raise
        if found["DocumentType"] != "Automation":
            return None
        return {one["Name"]: one.get("DefaultValue") for one in found.get("Parameters", ())}

    def execution(self, execution_id: str) -> Execution | None:
        try:
            with _automation_errors():
                answer = self._client.get_automation_execution(AutomationExecutionId=execution_id)
        except AutomationError as error:
            if error.code == _UNKNOWN:
                return None
            raise
        return _execution(answer["AutomationExecution"])

    def recent(self, document: str) -> Sequence[ExecutionSummary]:
        filters = [{"Key": "DocumentNamePrefix", "Values": [document]}]
        with _automation_errors():
            answer = self._client.describe_automation_executions(Filters=filters, MaxResults=_PAGE)
        found = [one for one in answer["AutomationExecutionMetadataList"] if one["DocumentName"] == document]
        found.sort(key=lambda one: one.get("ExecutionStartTime", _NOW), reverse=True)
        return [
            ExecutionSummary(one["AutomationExecutionId"], status_of(one["AutomationExecutionStatus"])) for one in found
        ]

    def stop(self, execution_id: str) -> None:
        with _automation_errors():
            self._client.stop_automation_execution(AutomationExecutionId=execution_id, Type="Cancel")


def _execution(found: Mapping[str, Any]) -> Execution:
    return Execution(
        id=found["AutomationExecutionId"],
        document=found["DocumentName"],
        status=status_of(found["AutomationExecutionStatus"]),
        parameters=_joined(found.get("Parameters", {})),
        # AWS lists the document's later steps, too, as pending and without a time.
        steps=tuple(_step(one) for one in found.get("StepExecutions", ()) if "ExecutionStartTime" in one),
        outputs=_joined(found.get("Outputs", {})),
        error=found.get("FailureMessage", ""),
    )


def _joined(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: ",".join(texts) for name, texts in values.items()}


def _step(found: Mapping[str, Any]) -> Step:
    return Step(
        name=found["StepName"],
        action=found.get("Action", ""),
        status=status_of(found.get("StepStatus", "Pending")),
        error=found.get("FailureMessage", ""),
        critical=found.get("IsCritical", True),
        started_at=_seconds(found.get("ExecutionStartTime")),
        ended_at=_seconds(found.get("ExecutionEndTime")),
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()

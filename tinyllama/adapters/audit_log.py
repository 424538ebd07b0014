"""Where audit lines go: a file on the machine of whoever ran the runbook, and CloudWatch Logs for everybody."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinyllama.adapters.aws_json import AwsError, AwsJson
from tinyllama.domain.errors import AuditError, QueueUnavailableError

GROUP, STREAM = "/tinyllama/audit", "runbooks"
_NOT_FOUND, _THERE = "ResourceNotFoundException", "ResourceAlreadyExistsException"


class AuditFile:
    """Lines of JSON, oldest first; for the owner's eyes only, since inputs may tell more than they should."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, record: Mapping[str, Any]) -> None:
        """Append one line, in one write. Raises `AuditError`."""
        text = json.dumps(record, ensure_ascii=False, default=str) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AuditError(f"{self._path}: {error}") from error

    def last(self, number: int) -> Sequence[Mapping[str, Any]]:
        """The last lines, oldest first; none where there is no file. A line that was cut off is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise AuditError(f"{self._path}: {error}") from error
        found = [record for record in map(_parsed, lines) if record]
        return found[-number:] if number > 0 else []


class AuditTrail:
    """A stream of CloudWatch Logs; group and stream are made when the first line comes."""

    def __init__(self, aws: AwsJson, group: str = GROUP) -> None:
        self._aws = aws
        self._place = {"logGroupName": group, "logStreamName": STREAM}

    def add(self, record: Mapping[str, Any], *, at_ms: int) -> None:
        """Put one line; `at_ms` is in ms since the epoch. Raises `AuditError`."""
        event = {"timestamp": at_ms, "message": json.dumps(record, ensure_ascii=False, default=str)}
        try:
            if not self._call("PutLogEvents", {**self._place, "logEvents": [event]}, unless=_NOT_FOUND):
                self._call("CreateLogGroup", {"logGroupName": self._place["logGroupName"]}, unless=_THERE)
                self._call("CreateLogStream", self._place, unless=_THERE)
                self._aws.call("logs", "PutLogEvents", {**self._place, "logEvents": [event]})
        except (AwsError, QueueUnavailableError) as error:
            raise AuditError(f"CloudWatch Logs: {error}") from error

    def _call(self, operation: str, parameters: Mapping[str, Any], *, unless: str) -> bool:
        try:
            self._aws.call("logs", operation, parameters)
        except AwsError as error:
            if error.code != unless:
                raise
            return False
        return True


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None

"""Error codes of the public contract, and the exceptions that carry them.

The codes, their HTTP status and their bodies are the contract of `docs/api/openapi.yaml`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """The value of `error` in every error body."""

    INVALID_REQUEST = "invalid_request"
    MISSING_TOKEN = "missing_token"  # noqa: S105 -- a code, not a secret
    INVALID_TOKEN = "invalid_token"  # noqa: S105 -- a code, not a secret
    FORBIDDEN = "forbidden"
    BUDGET_EXHAUSTED = "budget_exhausted"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    ALREADY_FINISHED = "already_finished"
    BUSY = "busy"
    RESIZE_RUNNING = "resize_running"
    ALREADY_RUNNING = "already_running"
    RATE_LIMITED = "rate_limited"
    QUEUE_UNAVAILABLE = "queue_unavailable"
    QUEUE_FULL = "queue_full"
    START_FAILED = "start_failed"
    STOP_FAILED = "stop_failed"
    RESIZE_FAILED = "resize_failed"
    KEYS_UNAVAILABLE = "keys_unavailable"
    ROUTER_DISABLED = "router_disabled"
    INTERNAL = "internal"


HTTP_STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.MISSING_TOKEN: 401,
    ErrorCode.BUDGET_EXHAUSTED: 402,
    ErrorCode.INVALID_TOKEN: 403,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.ORIGIN_NOT_ALLOWED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.ALREADY_FINISHED: 409,
    ErrorCode.BUSY: 409,
    ErrorCode.RESIZE_RUNNING: 409,
    ErrorCode.ALREADY_RUNNING: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.INTERNAL: 500,
    ErrorCode.QUEUE_UNAVAILABLE: 503,
    ErrorCode.QUEUE_FULL: 503,
    ErrorCode.START_FAILED: 503,
    ErrorCode.STOP_FAILED: 503,
    ErrorCode.RESIZE_FAILED: 503,
    ErrorCode.KEYS_UNAVAILABLE: 503,
    ErrorCode.ROUTER_DISABLED: 503,
}


class TinyllamaError(Exception):
    """Base of every error this project raises on purpose; the message says what to do next."""


class ApiError(TinyllamaError):
    """A refusal with a documented code; `details` are further fields of the JSON body."""

    def __init__(self, code: ErrorCode, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return HTTP_STATUS[self.code]

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body: `{"error": code, ...}`."""
        return {"error": self.code.value, **self.details}


class QueueUnavailableError(TinyllamaError):
    """The queue did not answer in time, refused the credentials, or is not there."""


class NodeError(TinyllamaError):
    """EC2 refused or failed; `code` is the AWS error code, such as `InsufficientInstanceCapacity`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class LeaseError(TinyllamaError):
    """A node's lease could not be read or written; `code` is the AWS error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class AutomationError(TinyllamaError):
    """Systems Manager refused or failed; `code` is the AWS error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class AuditError(TinyllamaError):
    """An audit line could not be written or read."""


class PriceListError(TinyllamaError):
    """AWS's prices could not be read; the text says why."""


class SmokeError(TinyllamaError):
    """The public path broke before there was anything to judge."""


class ReplyStoreError(TinyllamaError):
    """The reply object could not be written or read."""


class EngineError(TinyllamaError):
    """The inference engine refused, hung, or broke off; `reason` is a short machine-readable code.

    `final` means that another attempt would end the same way.
    """

    def __init__(self, reason: str, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.final = final


class SettingsError(TinyllamaError):
    """The environment lacks a setting or holds a bad one; the message names it."""

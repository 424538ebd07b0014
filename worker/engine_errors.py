"""What an engine's refusal means for the job.

An engine may repeat the prompt in what it says of an error, and our messages go into the log: they hold the status and
the machine-readable fields, never the engine's own words.

Sources: llama.cpp `tools/server/README.md` ("the error format is OpenAI-compatible") and `exceed_context_size_error`;
vLLM `ErrorResponse` (flat before 0.10, in `error` since); OpenAI API reference, "Error codes".
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tinyllama.domain.errors import EngineError

_BUSY = frozenset({429, 503})
_TOO_LONG_CODES = frozenset({"exceed_context_size_error", "context_length_exceeded"})
# vLLM has no code for it. It says so of the prompt alone and of the prompt with `max_tokens`, in different words.
_TOO_LONG = re.compile(r"maximum (context|model) length|max_model_len|exceeds? the available context size")
# `BadRequestError`, `model_not_found`, `400`. Any other word is not told: it could be a prompt of one.
_CODE = re.compile(r"[A-Za-z]{1,48}Error|[a-z]{1,24}(_[a-z]{1,24}){1,5}|\d{3}")


class EngineBusyError(EngineError):
    """The engine has no room now, or still loads its model: asked again a little later, it may."""


def failure(status: int, body: bytes) -> EngineError:
    """The error to raise for an answer that is none; `status` 200 is a failure in the middle of the stream."""
    fields = _fields(body)
    said = " ".join(f"{name}={value}" for name in ("type", "code") if (value := _code(fields.get(name))))
    message = f"the engine answered {status} {said}".rstrip()
    if _too_long(fields):
        return EngineError("context_exceeded", message, final=True)
    if status in _BUSY:
        return EngineBusyError("engine_busy", message)
    return EngineError("engine_refused", message)


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    fields = found.get("error", found) if isinstance(found, dict) else {}
    return fields if isinstance(fields, dict) else {"message": fields}


def _too_long(fields: Mapping[str, Any]) -> bool:
    codes = {fields.get("type"), fields.get("code")} & _TOO_LONG_CODES if _hashable(fields) else set()
    return bool(codes) or bool(_TOO_LONG.search(str(fields.get("message", ""))))


def _hashable(fields: Mapping[str, Any]) -> bool:
    return all(isinstance(fields.get(name), str | int | None) for name in ("type", "code"))


def _code(value: Any) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    return text if _CODE.fullmatch(text) else ""

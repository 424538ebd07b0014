"""What a user may ask for: the body of `POST /infer`, and how long `GET /jobs/{id}` may take."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from tinyllama.domain.errors import ApiError, ErrorCode

PROMPT_MAX_BYTES = 6_144
IDLE_MIN_MINUTES, IDLE_MAX_MINUTES = 1, 30
WAIT_MAX_S = 10
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?")  # as JSON writes them


class Frozen(BaseModel):
    """A value: immutable, strict about types, closed to unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _prompt_size(prompt: str) -> str:
    size = len(prompt.encode())
    if size > PROMPT_MAX_BYTES:
        raise PydanticCustomError(
            "prompt_too_long",
            "prompt has {size} bytes of UTF-8, at most {limit} are allowed",
            {"size": size, "limit": PROMPT_MAX_BYTES},
        )
    return prompt


def _whole(number: Any) -> Any:
    # JSON has one kind of number: 5.0 is the integer 5, to JSON Schema and so to our contract.
    return int(number) if isinstance(number, float) and number.is_integer() else number


class InferRequest(Frozen):
    """The body of `POST /infer`: `prompt` 1 to 6,144 bytes of UTF-8, `idle` 1 to 30 minutes awake afterwards."""

    prompt: Annotated[str, Field(min_length=1), AfterValidator(_prompt_size)]
    idle: Annotated[int, BeforeValidator(_whole), Field(ge=IDLE_MIN_MINUTES, le=IDLE_MAX_MINUTES)]


def parse_infer(body: str | bytes) -> InferRequest:
    """Parse a request body.

    Raises:
        ApiError: `invalid_request`, with every bad field's name, code and message in `fields`.
    """
    try:
        return InferRequest.model_validate_json(body)
    except ValidationError as error:
        raise ApiError(ErrorCode.INVALID_REQUEST, fields=list(bad_fields(error))) from None


def parse_wait(text: str | None) -> float:
    """Read `wait` of a query, in s: 0 without one.

    Raises:
        ApiError: `invalid_request` when it is no number from 0 to `WAIT_MAX_S`.
    """
    if text is None:
        return 0.0
    if _NUMBER.fullmatch(text) and 0 <= (seconds := float(text)) <= WAIT_MAX_S:
        return seconds
    message = f"wait is a number of seconds from 0 to {WAIT_MAX_S}, given once"
    raise ApiError(ErrorCode.INVALID_REQUEST, fields=[{"field": "wait", "code": "out_of_range", "message": message}])


def bad_fields(error: ValidationError) -> Iterable[dict[str, Any]]:
    """Say of every bad field its name, a code and a message, as the contract's `fields` have them."""
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in item["loc"]) or "body"
        yield {"field": name, "code": item["type"], "message": item["msg"]}

"""What a user may ask for: the body of `POST /infer`."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from tinyllama.domain.errors import ApiError, ErrorCode

PROMPT_MAX_BYTES = 6_144
IDLE_MIN_MINUTES, IDLE_MAX_MINUTES = 1, 30


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


def bad_fields(error: ValidationError) -> Iterable[dict[str, Any]]:
    """Say of every bad field its name, a code and a message, as the contract's `fields` have them."""
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in item["loc"]) or "body"
        yield {"field": name, "code": item["type"], "message": item["msg"]}

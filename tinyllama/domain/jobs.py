"""The job: what a user may ask for, what state it is in, and what comes back."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from tinyllama.domain.errors import ApiError, ErrorCode

PROMPT_MAX_BYTES = 6_144
IDLE_MIN_MINUTES, IDLE_MAX_MINUTES = 1, 30
JOB_TTL_S = 300
"""A job that nobody works on for this long is expired (LAM-002)."""
STATE_TTL_S = 3_600
"""How long `GET /jobs/{id}` remembers a job."""
MAX_ATTEMPTS = 3
"""A job that failed this often is a dead letter."""


class JobStatus(StrEnum):
    """The states of a job as its owner sees them."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self not in {JobStatus.QUEUED, JobStatus.RUNNING}

    def may_become(self, other: "JobStatus") -> bool:
        """Whether the life of a job allows this step."""
        return other in _NEXT[self]


_NEXT: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset(JobStatus) - {JobStatus.QUEUED, JobStatus.DONE},
    # Back to queued: the attempt failed, or its worker drained.
    JobStatus.RUNNING: frozenset(JobStatus) - {JobStatus.RUNNING},
    JobStatus.DONE: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.EXPIRED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


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


class Job(Frozen):
    """An accepted job, as the worker reads it. `ts` is the time of admission in ms since the epoch."""

    id: str
    prompt: str
    idle: int
    reply_s3: str
    ts: int
    sub: str


def reply_url(bucket: str, job_id: str) -> str:
    """The address of the job's reply object."""
    return f"s3://{bucket}/{job_id}.json"


class _Later(Frozen):
    """A value that the API has no use for: what validates it is not built before it is needed, for cold starts."""

    model_config = ConfigDict(defer_build=True)


class Usage(_Later):
    """Tokens as the engine counted them."""

    prompt_tokens: int
    completion_tokens: int


class Timings(_Later):
    """Milliseconds: admission to claim, claim to first token, claim to last token."""

    queued_ms: int
    first_token_ms: int
    total_ms: int


class Reply(_Later):
    """The reply object in S3; `error` is there only when the job failed."""

    id: str
    text: str
    model: str
    usage: Usage
    timings: Timings
    error: str | None = None

    def to_json(self) -> bytes:
        """The object's bytes."""
        return self.model_dump_json(exclude_none=True).encode()


class JobView(Frozen):
    """What `GET /jobs/{id}` tells the owner."""

    status: JobStatus
    text: str | None = None
    partial: str | None = None
    error: str | None = None

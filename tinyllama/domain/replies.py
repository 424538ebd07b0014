"""What comes back: the reply object in S3."""

from pydantic import BaseModel, ConfigDict

from tinyllama.domain.jobs import JobStatus


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Usage(_Value):
    """Tokens as the engine counted them."""

    prompt_tokens: int
    completion_tokens: int


class Timings(_Value):
    """Milliseconds: admission to claim, claim to first token, claim to last token."""

    queued_ms: int
    first_token_ms: int
    total_ms: int


class Reply(_Value):
    """The reply object in S3; `error` is there only when the job failed."""

    id: str
    text: str
    model: str
    usage: Usage
    timings: Timings
    error: str | None = None

    @property
    def status(self) -> JobStatus:
        """How the job ended."""
        return JobStatus.FAILED if self.error else JobStatus.DONE

    def to_json(self) -> bytes:
        """The object's bytes."""
        return self.model_dump_json(exclude_none=True).encode()

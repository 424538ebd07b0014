"""The job: what state it is in, what the worker reads of it, and what its owner sees.

No pydantic here: whoever only puts jobs into a queue does not import it (docs/adr/0059).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

JOB_TTL_S = 300
"""A job that nobody works on for this long is expired (LAM-002)."""
STATE_TTL_S = 3_600
"""How long `GET /jobs/{id}` remembers a job."""
MAX_ATTEMPTS = 3
"""A job that failed this often is a dead letter."""
_text = json.encoder.encode_basestring
"""A JSON string. Putting the object together from it takes a fifth of the time of an encoder, and every prompt pays."""


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


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted job, as the worker reads it. `ts` is the time of admission in ms since the epoch."""

    id: str
    prompt: str
    idle: int
    reply_s3: str
    ts: int
    sub: str

    def to_json(self) -> str:
        """The job as the queue keeps it."""
        return (
            f'{{"id":{_text(self.id)},"prompt":{_text(self.prompt)},"idle":{self.idle},'
            f'"reply_s3":{_text(self.reply_s3)},"ts":{self.ts},"sub":{_text(self.sub)}}}'
        )

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Read what `to_json` made. Raises `ValueError` or `TypeError` for anything else."""
        return cls(**json.loads(text))


_VERSION_4, _RANDOM = 0x00000000_0000_4000_8000_000000000000, 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF


def uuid4_text(random_bits: int) -> str:
    """The UUID of version 4 (RFC 9562, 5.4) made of 128 random bits; `uuid` takes three times as long for the text."""
    digits = f"{random_bits & _RANDOM | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def reply_url(bucket: str, job_id: str) -> str:
    """The address of the job's reply object."""
    return f"s3://{bucket}/{job_id}.json"


@dataclass(frozen=True, slots=True)
class JobView:
    """What `GET /jobs/{id}` tells the owner."""

    status: JobStatus
    text: str | None = None
    partial: str | None = None
    error: str | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        """The answer's JSON; what there is nothing to say about is left out."""
        told = {"status": self.status, "text": self.text, "partial": self.partial, "error": self.error}
        return {name: value for name, value in told.items() if value is not None}

"""Things that tests are about, made with sensible defaults."""

import itertools
import uuid
from typing import Any

from tinyllama.domain.jobs import Job
from tinyllama.domain.replies import Reply, Timings, Usage

ALICE, BOB = "sub-alice", "sub-bob"
_numbers = itertools.count(1)


def job(**fields: Any) -> Job:
    """A job of Alice's."""
    job_id = str(uuid.uuid4())
    defaults: dict[str, Any] = {
        "id": job_id,
        "prompt": f"prompt {next(_numbers)}",
        "idle": 5,
        "reply_s3": f"s3://replies/{job_id}.json",
        "ts": 1_700_000_000_000,
        "sub": ALICE,
    }
    return Job(**(defaults | fields))


def reply(job_id: str, text: str = "a reply") -> Reply:
    """A reply to a job."""
    usage = Usage(prompt_tokens=3, completion_tokens=5)
    return Reply(
        id=job_id, text=text, model="m", usage=usage, timings=Timings(queued_ms=1, first_token_ms=2, total_ms=3)
    )

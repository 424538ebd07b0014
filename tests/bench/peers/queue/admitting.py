"""What our producers share: a job as the router admits it, with a throttle so generous that nobody is refused."""

import time
import uuid

from tinyllama.domain.jobs import Job
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Admissions, AdmitCode

LIMITS = QueueLimits(max_queued=100_000, throttle=ThrottlePolicy(burst=1_000_000, interval_ms=1))


def admit(queue: Admissions, number: int) -> None:
    """Admit a job; its prompt is its number."""
    job_id = str(uuid.uuid4())
    reply_s3 = f"s3://bench/{job_id}.json"
    job = Job(id=job_id, prompt=str(number), idle=5, reply_s3=reply_s3, ts=round(time.time() * 1000), sub="sub-bench")
    if queue.admit(job).code is not AdmitCode.ADMITTED:
        raise RuntimeError("the throttle or the queue's limit is in the way")

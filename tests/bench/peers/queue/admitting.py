"""What our producers share: a job as the router admits it, with a throttle so generous that nobody is refused."""

import os
import time

from tinyllama.domain.jobs import Job, reply_url, uuid4_text
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Admissions, AdmitCode

LIMITS = QueueLimits(max_queued=100_000, throttle=ThrottlePolicy(burst=1_000_000, interval_ms=1))


def admit(queue: Admissions, number: int) -> None:
    """Admit a job; its prompt is its number."""
    new_id = uuid4_text(int.from_bytes(os.urandom(16)))
    reply_s3, now_ms = reply_url("bench", new_id), time.time_ns() // 1_000_000
    job = Job(id=new_id, prompt=str(number), idle=5, reply_s3=reply_s3, ts=now_ms, sub="sub-bench")
    if queue.admit(job).code is not AdmitCode.ADMITTED:
        raise RuntimeError("the throttle or the queue's limit is in the way")

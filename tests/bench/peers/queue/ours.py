"""Our producer: admission as the router does it, with a throttle so generous that nobody is refused."""

import os
import time
import uuid
from urllib.parse import urlsplit

from tests.bench.peers.queue.bell import REDIS
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.jobs import Job
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import AdmitCode

LIMITS = QueueLimits(max_queued=100_000, throttle=ThrottlePolicy(burst=1_000_000, interval_ms=1))
_place = urlsplit(os.environ[REDIS])
HOST, PORT = str(_place.hostname), int(_place.port or 6379)
admissions = RedisAdmissions(RedisLink(HOST, PORT, timeout_s=5), LIMITS)


def enqueue(number: int) -> None:
    """Admit a job; its prompt is its number."""
    job_id = str(uuid.uuid4())
    reply_s3 = f"s3://bench/{job_id}.json"
    job = Job(id=job_id, prompt=str(number), idle=5, reply_s3=reply_s3, ts=round(time.time() * 1000), sub="sub-bench")
    if admissions.admit(job).code is not AdmitCode.ADMITTED:
        raise RuntimeError("the throttle or the queue's limit is in the way")

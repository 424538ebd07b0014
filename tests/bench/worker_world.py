"""One worker process beside an engine: a Redis, a reply store, and nothing else of the platform."""

import contextlib
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import boto3
import redis
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.addresses import CREDENTIALS
from local.announce import announced
from local.processes import end, spawn
from local.redis_server import HOST, RedisServer
from tests.bench.engine_calls import TIMEOUT_S, Generated, reply_tokens
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.adapters.redis_scripts import state_key
from tinyllama.domain.jobs import Job, JobStatus

BUCKET, REGION = "bench-replies", "eu-central-1"
READY_TIMEOUT_S = 60.0


@contextlib.contextmanager
def engine(*, slots: int = 4) -> Iterator[str]:
    """The embedded engine in a process of its own; its URL."""
    with part("local.engine", "--slots", str(slots)) as url:
        yield url


@contextlib.contextmanager
def worker(engine_url: str, model: str, generation: Mapping[str, str], *, slots: int = 4) -> Iterator["ThroughWorker"]:
    """A worker of that engine, ready for jobs."""
    with contextlib.ExitStack() as stack:
        server = RedisServer(options={"--notify-keyspace-events": "Kh"}).start()  # tells of changes to hashes
        stack.callback(server.stop)
        aws = {"endpoint_url": stack.enter_context(part("local.aws")), "region_name": REGION}
        keys = {name.lower(): value for name, value in CREDENTIALS.items() if "KEY" in name}
        s3: Any = boto3.client("s3", **cast("Any", aws), **cast("Any", keys))
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tl-bench-"))
        settings = {
            **CREDENTIALS,
            **generation,
            "AWS_ENDPOINT_URL": aws["endpoint_url"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "REDIS_HOST": HOST,
            "REDIS_PORT": str(server.port),
            "REPLY_BUCKET": BUCKET,
            "ENGINE_URL": engine_url,
            "ENGINE_MODEL": model,
            "WORKER_SLOTS": str(slots),
            "ACTIVITY_FILE": str(Path(folder) / "last_infer_ts"),
        }
        child = spawn([sys.executable, "-m", "worker"], env=settings, log=Path(folder) / "worker.log")
        stack.callback(end, child, grace_s=5)
        through = ThroughWorker(server.port, s3)
        if not through.await_ready():
            raise RuntimeError(f"the worker was not ready: {(Path(folder) / 'worker.log').read_text()}")
        yield through


@contextlib.contextmanager
def part(module: str, *arguments: str) -> Iterator[str]:
    """A process of the platform; its URL."""
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        ready, log = Path(folder) / "ready", Path(folder) / "log"
        child = spawn([sys.executable, "-m", module, *arguments, "--ready-file", str(ready)], log=log)
        try:
            found = _until(lambda: announced(ready))
            if found is None:
                raise RuntimeError(f"{module} was not ready: {log.read_text()}")
            yield str(found["url"])
        finally:
            end(child, grace_s=5)


def _until(look: Any) -> Any:
    waiting = Retrying(
        stop=stop_after_delay(READY_TIMEOUT_S),
        wait=wait_fixed(0.01),
        retry=retry_if_result(lambda found: not found),
        retry_error_callback=lambda _: None,
    )
    return waiting(look)


class ThroughWorker:
    """Puts jobs into the queue, and is told by Redis whenever something becomes of them."""

    def __init__(self, port: int, s3: Any) -> None:
        self._s3 = s3
        self._admissions = RedisAdmissions(RedisLink(HOST, port, timeout_s=5))
        self._redis: Any = redis.Redis(port=port, decode_responses=True)

    def await_ready(self) -> bool:
        """Wait for the worker; false when it never is."""
        return bool(_until(lambda: self._admissions.snapshot().worker_ready))

    def ask(self, prompt: str) -> Generated:
        """Have a job done; its first text counts when it is in Redis, where users find it."""
        job_id, started, first_s = uuid.uuid4().hex, time.perf_counter(), 0.0
        key = state_key(job_id)
        with self._redis.pubsub(ignore_subscribe_messages=True) as news:
            news.subscribe(f"__keyspace@0__:{key}")
            started = time.perf_counter()
            self._admit(job_id, prompt)
            while True:
                if news.get_message(timeout=TIMEOUT_S) is None:
                    continue
                told_s = time.perf_counter() - started
                status, partial = self._redis.hmget(key, "status", "partial")
                if (partial or status == JobStatus.DONE) and not first_s:
                    first_s = told_s  # that it is there; to look what it is takes us a millisecond
                if JobStatus(status).final:
                    break
        if status != JobStatus.DONE:
            raise RuntimeError(f"job {job_id} is {status}")
        return Generated(first_s, lambda: reply_tokens(self._s3, BUCKET, job_id))

    def _admit(self, job_id: str, prompt: str) -> None:
        job = Job(
            id=job_id,
            prompt=prompt,
            idle=5,
            reply_s3=f"s3://{BUCKET}/{job_id}.json",
            ts=round(time.time() * 1000),
            sub=job_id,  # a user each: what is measured is not how well the throttle holds
        )
        self._admissions.admit(job)

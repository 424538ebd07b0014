"""What our queue costs: a worker that waits, and a job that waits among very many."""

import contextlib
import http.server
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.addresses import CREDENTIALS
from local.processes import end, spawn
from local.redis_server import RedisServer
from tests.bench.queue_contestants import core
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, call_times, percentile, ratios, span
from tests.bench.world import PROMPT
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.jobs import Job
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Admissions, AdmitCode

IDLE_S, START_S = 20.0, 15.0
QUEUED, ROUNDS, CALLS = 100_000, 20, 100
LIMITS = QueueLimits(max_queued=10 * QUEUED, throttle=ThrottlePolicy(burst=1_000_000, interval_ms=1))


def measure(tell: Tell) -> Sequence[Row]:
    """An idle worker, then a long queue."""
    with RedisServer() as server, contextlib.closing(RedisLink(server.host, server.port, timeout_s=5)) as link:
        where = {"REDIS_HOST": server.host, "REDIS_PORT": str(server.port)}
        waiting = idle_rows("queue", where, RedisAdmissions(link), tell)
    return [*waiting, *_long_queue(tell)]


def idle_rows(part: str, queue: Mapping[str, str], api: Admissions, tell: Tell) -> list[Row]:
    """A worker that waits for jobs, on the queue that the settings name."""
    tell(f"a worker that waits, for {IDLE_S:.0f} s")
    share, rss = _idle(queue, api)
    waits = f"{part}: a worker that waits for jobs"
    return [
        row(f"{waits}, share of a core", share * 100, None, "%", goal=Goal("ours", "<=", 1.0)),
        row(f"{waits}, resident memory", rss / 1e6, None, "MB", goal=Goal("ours", "<=", 80.0)),
    ]


def _idle(queue: Mapping[str, str], api: Admissions) -> tuple[float, float]:
    """Processor seconds a second, and bytes, of a real `python -m worker`."""
    with _engine() as engine_url, TemporaryDirectory() as place:
        environment = {
            **CREDENTIALS,  # nothing is ever written
            "AWS_DEFAULT_REGION": "eu-central-1",
            **queue,
            "ENGINE_URL": engine_url,
            "REPLY_BUCKET": "bench",
            "ACTIVITY_FILE": str(Path(place) / "used"),
        }
        child = spawn([sys.executable, "-m", "worker"], env=environment)
        try:
            _await_worker(api)
            process = psutil.Process(child.pid)
            before = process.cpu_times()
            time.sleep(IDLE_S)
            after = process.cpu_times()
            spent = after.user + after.system - before.user - before.system
            return spent / IDLE_S, float(process.memory_info().rss)
        finally:
            end(child, grace_s=5)


def _await_worker(api: Admissions) -> None:
    Retrying(
        stop=stop_after_delay(START_S),
        wait=wait_fixed(0.05),
        retry=retry_if_result(lambda seen: not seen.worker_ready),
    )(api.snapshot)


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """An engine that would serve."""
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextlib.contextmanager
def _engine() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health) as engine:
        thread = threading.Thread(target=engine.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{engine.server_port}"
        finally:
            engine.shutdown()
            thread.join()


def _long_queue(tell: Tell) -> list[Row]:
    with contextlib.ExitStack() as stack:
        with core(-1):
            servers = [stack.enter_context(RedisServer()) for _ in range(2)]
        long, empty = (
            stack.enter_context(contextlib.closing(RedisLink(it.host, it.port, timeout_s=5))) for it in servers
        )
        tell(f"{QUEUED:,} jobs are queued")
        before = _used(long)
        admit = _admit(RedisAdmissions(long, LIMITS))
        for _ in range(QUEUED):
            admit()
        each = (_used(long) - before) / QUEUED
        calls = {"long": admit, "empty": _admit(RedisAdmissions(empty, LIMITS))}
        with core(0):
            times = call_times(calls, rounds=ROUNDS, calls=CALLS, before=lambda: empty.ask("FLUSHALL"), tell=tell)
    figures = percentile(times["long"], 95), percentile(times["empty"], 95)
    spread = span(ratios(times["long"], times["empty"], 95))
    name = f"queue: admission p95 behind {QUEUED:,} jobs, on an empty queue"
    return [
        row(name, *figures, "µs", goal=Goal("ratio", "<=", 1.2), spread=spread),
        row(f"queue: a queued job with a prompt of {len(PROMPT.encode())} bytes", each, None, "bytes of Redis"),
    ]


def _used(link: RedisLink) -> int:
    lines = str(link.ask("INFO", "memory")).splitlines()
    return int(next(line.partition(":")[2] for line in lines if line.startswith("used_memory:")))


def _admit(admissions: RedisAdmissions) -> Callable[[], None]:
    def call() -> None:
        job_id = str(uuid.uuid4())
        reply_s3, now_ms = f"s3://bench/{job_id}.json", round(time.time() * 1000)
        asked = Job(id=job_id, prompt=PROMPT, idle=5, reply_s3=reply_s3, ts=now_ms, sub="sub-bench")
        if admissions.admit(asked).code is not AdmitCode.ADMITTED:
            raise RuntimeError("the throttle or the queue's limit is in the way")

    return call

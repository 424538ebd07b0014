"""Real processes: a worker, a redis-server, S3 on the strict local AWS, and an engine that waits to be told."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from local.aws.server import StrictAws
from local.redis_server import RedisServer
from tests.factories import ALICE, job
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.jobs import Job, JobStatus
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.replies import Reply
from tinyllama.domain.throttle import ThrottlePolicy

BUCKET = "tlfif-responses-123456789012"
LEASE_S = 1.0


class Engine:
    """An engine over HTTP that answers `hello` and, while `go` is cleared, does not finish.

    Counts what it was asked, and how often a worker hung up on it. While `broken` it refuses every prompt, and says
    that it is well; while not `well`, it says so.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.hung_up = 0
        self.well, self.broken = True, False
        self.go = asyncio.Event()
        self.go.set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Engine"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield self
        self.go.set()
        server.close()
        await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the worker hung up: that is its right, and what some tests are about
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if head.startswith("get"):
            status = b"200 OK" if self.well else b"503 Loading"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return await writer.drain()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.asked.append(json.loads(await reader.readexactly(length))["messages"][0]["content"])
        if self.broken:
            writer.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\nconnection: close\r\n\r\nboom")
            return await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(b'data: {"choices": [{"delta": {"content": "hel"}}]}\n\n')
        await writer.drain()
        if not await self._may_go_on(reader):
            self.hung_up += 1
            return None
        writer.write(b'data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}\n\n')
        writer.write(
            b'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\ndata: [DONE]\n\n'
        )
        return await writer.drain()

    async def _may_go_on(self, reader: asyncio.StreamReader) -> bool:
        """Wait for `go`; false when the other side hangs up first."""
        gone, go = asyncio.ensure_future(reader.read()), asyncio.ensure_future(self.go.wait())
        done, pending = await asyncio.wait({gone, go}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return go in done


class Station:
    """Everything a worker needs, and the means to start and to hurt one."""

    def __init__(self, aws: StrictAws, redis: RedisServer, engine: Engine, folder: Path) -> None:
        self.aws, self.redis, self.engine, self.folder = aws, redis, engine, folder
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        limits = QueueLimits(throttle=ThrottlePolicy(10_000, 1))
        self.api = RedisAdmissions(RedisLink("127.0.0.1", redis.port, timeout_s=2), limits)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_worker(self, name: str, **settings: str) -> "subprocess.Popen[bytes]":
        environ = {
            **os.environ,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.redis.port),
            "REPLY_BUCKET": BUCKET,
            "ENGINE_URL": self.engine.url,
            "WORKER_NAME": name,
            "LEASE_S": str(LEASE_S),
            "ACTIVITY_FILE": str(self.folder / "last_infer_ts"),
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            **settings,
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            worker = subprocess.Popen([sys.executable, "-m", "worker"], env=environ, stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def send(self, **fields: str) -> Job:
        asked = job(**fields)
        self.api.admit(asked)
        return asked

    def status(self, asked: Job) -> JobStatus:
        view = self.api.look(asked.id, ALICE).view
        assert view is not None
        return view.status

    def reply(self, asked: Job) -> Reply:
        return Reply.model_validate_json(self.s3.get_object(Bucket=BUCKET, Key=f"{asked.id}.json")["Body"].read())

    def reply_writes(self) -> int:
        return sum(call["status"] < 400 for call in self.aws.calls("s3", "PutObject"))

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 -- what is waited for happens in another process
                await asyncio.sleep(0.01)

    async def until_status(self, asked: Job, status: JobStatus) -> None:
        await self.until(lambda: self.status(asked) is status)

    async def ended(self, worker: "subprocess.Popen[bytes]") -> int:
        return await asyncio.to_thread(worker.wait, 15)


@pytest.fixture
def station_parts(tmp_path: Path) -> Iterator[tuple[StrictAws, RedisServer, Path]]:
    with StrictAws() as aws, RedisServer() as redis:
        yield aws, redis, tmp_path


@pytest.fixture
async def station(station_parts: tuple[StrictAws, RedisServer, Path]) -> AsyncIterator[Station]:
    aws, redis, folder = station_parts
    async with Engine().serving() as engine:
        made = Station(aws, redis, engine, folder)
        yield made
        for worker in made.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
            worker.wait()

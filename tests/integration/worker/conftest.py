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
from tinyllama.adapters.redis_admissions import RedisAdmissions, connect
from tinyllama.domain.jobs import Job, JobStatus, Reply
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy

BUCKET = "tlfif-responses-123456789012"
LEASE_S = 1.0


class Engine:
    """An engine over HTTP that answers `hello` and, while `holding`, does not finish. Counts what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
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
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return await writer.drain()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.asked.append(json.loads(await reader.readexactly(length))["messages"][0]["content"])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(b'data: {"choices": [{"delta": {"content": "hel"}}]}\n\n')
        await writer.drain()
        await self.go.wait()
        writer.write(b'data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}\n\n')
        writer.write(
            b'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\ndata: [DONE]\n\n'
        )
        return await writer.drain()


class Station:
    """Everything a worker needs, and the means to start and to hurt one."""

    def __init__(self, aws: StrictAws, redis: RedisServer, engine: Engine, folder: Path) -> None:
        self.aws, self.redis, self.engine, self.folder = aws, redis, engine, folder
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        limits = QueueLimits(throttle=ThrottlePolicy(10_000, 1))
        self.api = RedisAdmissions(connect("127.0.0.1", redis.port, timeout_s=2), limits)
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

    def send(self) -> Job:
        asked = job()
        self.api.admit(asked)
        return asked

    def status(self, asked: Job) -> JobStatus:
        view = self.api.view(asked.id, ALICE)
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

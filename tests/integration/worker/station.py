"""Everything a worker needs, for real, on either queue, and the means to start a worker and to hurt it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from moto.sqs.models import sqs_backends

from local.aws.queue import ACCOUNT_ID
from local.aws.server import REGION, StrictAws
from local.redis_server import RedisServer
from tests.contract.sqs_world import SqsWorld, sqs_world
from tests.factories import ALICE, job
from tests.integration.worker.engine import Engine
from tinyllama.adapters.dynamo_jobs import state_key
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.replies import Reply
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Admissions

BUCKET = "tlfif-responses-123456789012"
LEASE_S = 1.0


class Station(ABC):
    """`queue` are the settings that say where the queue is, and `api` is its other side."""

    def __init__(
        self, aws: StrictAws, engine: Engine, folder: Path, *, api: Admissions, queue: Mapping[str, str]
    ) -> None:
        self.aws, self.engine, self.folder, self.api, self.queue = aws, engine, folder, api, queue
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.workers: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    async def outlive(self, asked: Job) -> None:
        """Let a job's time pass."""

    @abstractmethod
    def kept(self, asked: Job) -> str:
        """The status of a job as the queue keeps it, whatever is told to its owner."""

    @abstractmethod
    def tries(self, asked: Job) -> int:
        """How many tries a job was charged for."""

    @abstractmethod
    def dead_letters(self) -> list[tuple[str, str]]:
        """Id and reason of each."""

    def start_worker(self, name: str, **settings: str) -> "subprocess.Popen[bytes]":
        environ = {
            **os.environ,
            **self.queue,
            "REPLY_BUCKET": BUCKET,
            "ENGINE_URL": self.engine.url,
            "WORKER_NAME": name,
            "LEASE_S": str(LEASE_S),
            "ACTIVITY_FILE": str(self.folder / "last_infer_ts"),
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            **settings,
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            worker = subprocess.Popen([sys.executable, "-m", "worker"], env=environ, stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        """Kill the workers that are left."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
            worker.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def send(self, **fields: str) -> Job:
        asked = job(**fields)
        self.api.admit(asked)
        return asked

    def view(self, asked: Job) -> JobView:
        view = self.api.look(asked.id, ALICE).view
        assert view is not None
        return view

    def status(self, asked: Job) -> JobStatus:
        return self.view(asked).status

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


class RedisStation(Station):
    """On a redis-server of its own."""

    def __init__(self, aws: StrictAws, redis: RedisServer, engine: Engine, folder: Path) -> None:
        self.redis, self.link = redis, RedisLink("127.0.0.1", redis.port, timeout_s=2)
        api = RedisAdmissions(self.link, QueueLimits(throttle=ThrottlePolicy(10_000, 1)))
        queue = {"TL_QUEUE": "redis", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port)}
        super().__init__(aws, engine, folder, api=api, queue=queue)

    async def outlive(self, asked: Job) -> None:
        self.link.ask("PEXPIRE", f"job:{asked.id}", 1)
        await self.until_status(asked, JobStatus.EXPIRED)

    def kept(self, asked: Job) -> str:
        return str(self.link.ask("HGET", f"state:{asked.id}", "status"))

    def tries(self, asked: Job) -> int:
        attempts, released = self.link.ask("HMGET", f"state:{asked.id}", "attempts", "released")
        return int(attempts) - int(released or 0)

    def dead_letters(self) -> list[tuple[str, str]]:
        letters = [fields for _, fields in self.link.ask("XRANGE", "dead", "-", "+")]
        return [(fields[1], fields[3]) for fields in letters]


class SqsStation(Station):
    """On an SQS queue and a table of its own."""

    def __init__(self, world: SqsWorld, engine: Engine, folder: Path) -> None:
        self.world = world
        queue = {"TL_QUEUE": "sqs", "QUEUE_URL": world.queue_url, "QUEUE_TABLE": world.table_name, "AWS_REGION": REGION}
        super().__init__(world.aws, engine, folder, api=world.admissions(), queue=queue)

    async def outlive(self, asked: Job) -> None:
        await self.world.expire(asked.id)

    def kept(self, asked: Job) -> str:
        return str(self.world.table.get(state_key(asked.id))["job_status"])

    def tries(self, asked: Job) -> int:
        return int(self.world.table.get(state_key(asked.id))["tries"])

    def dead_letters(self) -> list[tuple[str, str]]:
        messages = sqs_backends[ACCOUNT_ID][REGION].get_queue(f"{self.world.name}-dead")._messages
        letters = [json.loads(message.body) for message in messages]
        return [(letter["id"], letter["reason"]) for letter in letters]


@asynccontextmanager
async def _on_redis(aws: StrictAws, folder: Path) -> AsyncIterator[Station]:
    with RedisServer() as redis:
        async with Engine().serving() as engine:
            made = RedisStation(aws, redis, engine, folder)
            yield made
            made.end()


@asynccontextmanager
async def _on_sqs(aws: StrictAws, folder: Path) -> AsyncIterator[Station]:
    async with sqs_world(aws) as world, Engine().serving() as engine:
        made = SqsStation(world, engine, folder)
        yield made
        made.end()


STATIONS = {"redis": _on_redis, "sqs": _on_sqs}
on_redis = pytest.mark.parametrize("station", ["redis"], indirect=True)
"""Marks what happens to Redis alone, or has nothing to do with the queue."""
on_sqs = pytest.mark.parametrize("station", ["sqs"], indirect=True)
"""Marks what happens to SQS alone."""

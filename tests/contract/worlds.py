"""The queue's implementations, each in a world in which a test can let time pass without waiting for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import fakeredis
import redis

from local.redis_server import RedisServer
from tests.factories import ALICE
from tests.links import AsyncClientLink, ClientLink
from tinyllama.adapters import redis_dispatch
from tinyllama.adapters.memory_boots import MemoryBootTimes
from tinyllama.adapters.memory_queue import MemoryAdmissions, MemoryDispatch, MemoryDrainGate, MemoryQueue
from tinyllama.adapters.redis_admissions import RedisAdmissions, RedisDrainGate
from tinyllama.adapters.redis_boots import RedisBootTimes
from tinyllama.adapters.redis_dispatch import RedisDispatch
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.adapters.redis_scripts import GROUP, JOBS, WOKEN, AsyncLink, Link, job_key
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.limits import DispatchLimits, QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Admissions, BootTimes, Dispatch, DrainGate, Heartbeat

BEAT = Heartbeat("worker-1", "m", slots=2, busy=0, ready=True)
GENEROUS = QueueLimits(throttle=ThrottlePolicy(burst=10_000, interval_ms=1))


class World(Protocol):
    """A queue, its sides, and power over its clock."""

    def admissions(self, limits: QueueLimits = GENEROUS) -> Admissions:
        """The API's side."""

    def gate(self) -> DrainGate:
        """The door."""

    def dispatch(self, name: str = "worker-1", limits: DispatchLimits | None = None) -> Dispatch:
        """A worker's side."""

    def boots(self) -> BootTimes:
        """The router's side of boot times."""

    async def antedate_wake(self, seconds: float) -> None:
        """Let the node have been started so much earlier."""

    async def expire(self, job_id: str) -> None:
        """Let the job's life pass."""

    async def lapse_leases(self) -> None:
        """Let the lease of every job in flight pass."""


def view_status(world: World, job_id: str, sub: str = ALICE) -> JobStatus | None:
    view = world.admissions().look(job_id, sub).view
    return view.status if view else None


class MemoryWorld:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.queue = MemoryQueue(lambda: self.now)

    def admissions(self, limits: QueueLimits = GENEROUS) -> Admissions:
        return MemoryAdmissions(self.queue, limits)

    def gate(self) -> DrainGate:
        return MemoryDrainGate(self.queue)

    def dispatch(self, name: str = "worker-1", limits: DispatchLimits | None = None) -> Dispatch:
        return MemoryDispatch(self.queue, name, limits)

    def boots(self) -> BootTimes:
        return MemoryBootTimes(self.queue)

    async def antedate_wake(self, seconds: float) -> None:
        assert self.queue.woken_at is not None
        self.queue.woken_at -= seconds

    async def expire(self, job_id: str) -> None:
        self.queue.records[job_id].expires_at = self.now

    async def lapse_leases(self) -> None:
        for record in self.queue.records.values():
            if record.leased_until is not None:
                record.leased_until = self.now


class RedisWorld:
    """Real or fake: `link`, `client` and `async_link` talk to the same server."""

    def __init__(self, link: Link, client: "redis.Redis", async_link: AsyncLink) -> None:
        self.link = link
        self.client = client
        self.async_link = async_link

    def admissions(self, limits: QueueLimits = GENEROUS) -> Admissions:
        return RedisAdmissions(self.link, limits)

    def gate(self) -> DrainGate:
        return RedisDrainGate(self.link)

    def dispatch(self, name: str = "worker-1", limits: DispatchLimits | None = None) -> Dispatch:
        return RedisDispatch(self.async_link, name, limits)

    def boots(self) -> BootTimes:
        return RedisBootTimes(self.link)

    async def antedate_wake(self, seconds: float) -> None:
        self.client.decrby(WOKEN, round(seconds * 1000))

    async def expire(self, job_id: str) -> None:
        self.client.delete(job_key(job_id))

    async def lapse_leases(self) -> None:
        pending: Any = self.client.xpending_range(JOBS, GROUP, "-", "+", 1_000)
        for item in pending:
            entry = [item["message_id"]]
            self.client.xclaim(JOBS, GROUP, item["consumer"], 0, entry, idle=3_600_000, justid=True)


class FakeRedisWorld(RedisWorld):
    """Tells tests that they are not on a real server."""


@asynccontextmanager
async def fake_world() -> AsyncIterator[RedisWorld]:
    server = fakeredis.FakeServer(version=(6, 2))
    client = fakeredis.FakeRedis(server=server, decode_responses=True)
    async_link = AsyncClientLink(fakeredis.FakeAsyncRedis(server=server, decode_responses=True))
    yield FakeRedisWorld(ClientLink(client), client, async_link)
    await async_link.close()
    client.close()


@asynccontextmanager
async def real_world(server: RedisServer) -> AsyncIterator[RedisWorld]:
    link = RedisLink("127.0.0.1", server.port, timeout_s=2.0)
    client = redis.Redis(port=server.port, decode_responses=True)
    client.flushall()
    async_link = redis_dispatch.connect("127.0.0.1", server.port)
    yield RedisWorld(link, client, async_link)
    await async_link.close()
    client.close()
    link.close()

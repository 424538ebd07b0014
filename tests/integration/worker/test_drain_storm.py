"""A node that is stopped a thousand times under a storm of prompts: nobody's job is left on it.

The node here is a worker that is there or not. It is stopped only when the gate was closed, as the watchdog does, and
woken only by a prompt that found nobody, as the router does.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import pytest

from local.aws.server import StrictAws
from local.redis_server import RedisServer
from tests.contract.sqs_world import sqs_world
from tests.factories import ALICE, job
from tinyllama.adapters.dynamo_jobs import DOOR
from tinyllama.adapters.dynamo_table import update
from tinyllama.adapters.redis_admissions import RedisAdmissions, RedisDrainGate
from tinyllama.adapters.redis_dispatch import RedisDispatch, connect
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Admissions, Dispatch, DrainGate, Heartbeat, Outcome

LIMITS = QueueLimits(max_queued=100_000, throttle=ThrottlePolicy(1_000_000, 1))


class Queue(Protocol):
    """A queue, from all sides.

    The door is tried `tries` times while `senders` users send a prompt every `pause_s`. An idle worker waits for
    `wait_s`, sleeps for `idle_s` and asks again, and a stop takes `stop_s`.
    """

    tries: int
    senders: int
    pause_s: float
    wait_s: float
    idle_s: float
    stop_s: float

    def admissions(self) -> Admissions: ...
    def gate(self) -> DrainGate: ...
    def dispatch(self) -> Dispatch: ...

    def open_jobs(self) -> set[str]:
        """Jobs that are queued or in flight."""

    def close_blindly(self) -> None:
        """Close the door, whoever is there."""


class OnRedis:
    """On a real redis-server."""

    tries, senders, pause_s, wait_s, idle_s, stop_s = 1_000, 3, 0.004, 0.005, 0.0, 0.0

    def __init__(self, server: RedisServer) -> None:
        self._port = server.port

    def _link(self) -> RedisLink:
        return RedisLink("127.0.0.1", self._port, timeout_s=5)

    def admissions(self) -> Admissions:
        return RedisAdmissions(self._link(), LIMITS)

    def gate(self) -> DrainGate:
        return RedisDrainGate(self._link())

    def dispatch(self) -> Dispatch:
        return RedisDispatch(connect("127.0.0.1", self._port), "node")

    def open_jobs(self) -> set[str]:
        return {fields[1] for _, fields in self._link().ask("XRANGE", "jobs", "-", "+")}

    def close_blindly(self) -> None:
        self._link().ask("SET", "node:draining", "1")


class OnSqs:
    """On the strict local AWS, which takes some twenty times as long for everything: fewer users, and fewer tries."""

    tries, senders, pause_s, wait_s, idle_s, stop_s = 100, 1, 0.1, 0.0, 0.03, 0.02

    def __init__(self, world: Any) -> None:
        self._world = world

    def admissions(self) -> Admissions:
        made: Admissions = self._world.admissions(LIMITS)
        return made

    def gate(self) -> DrainGate:
        made: DrainGate = self._world.gate()
        return made

    def dispatch(self) -> Dispatch:
        made: Dispatch = self._world.dispatch("node")
        return made

    def open_jobs(self) -> set[str]:
        return set(self._world.jobs.door().get("open_jobs", ()))

    def close_blindly(self) -> None:
        until = {"until": self._world.jobs.now() + 60_000}
        self._world.table.write(update(DOOR, "SET closed_until=:until", until))


class Node:
    """A worker that runs from a wake to a stop. A wake that meets a stop under way comes after it."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._woken, self._stopped, self._over = threading.Event(), threading.Event(), threading.Event()
        self.running, self.stops = False, 0
        self.queued_while_off = set[str]()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Start it."""
        self._woken.set()

    def stop(self) -> None:
        """Stop it, as EC2 does: whatever it was about to do."""
        before = self.stops
        self._stopped.set()
        while self.stops == before:
            time.sleep(0.0005)

    def end(self) -> None:
        self._over.set()
        self._stopped.set()
        self._woken.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _live(self) -> None:
        dispatch = self._queue.dispatch()
        while not self._over.is_set():
            await asyncio.to_thread(self._woken.wait)
            await dispatch.open()
            await dispatch.announce(Heartbeat("node", "m", slots=8, busy=0, ready=True))
            self._woken.clear()
            self._stopped.clear()
            self.running = True
            while not (self._stopped.is_set() or self._over.is_set()):  # a wake forgets a stop that came before it
                claims = await dispatch.claim(8, wait_s=self._queue.wait_s)
                for claim in claims.run:
                    await dispatch.settle(claim, Outcome(JobStatus.DONE, "a reply"))
                if not claims:
                    await asyncio.sleep(self._queue.idle_s)
            await asyncio.sleep(self._queue.stop_s)
            self.running = False
            self.queued_while_off |= self._queue.open_jobs()
            self.stops += 1
        await dispatch.close()


class Storm:
    """Users who send one prompt after the other, and wake the node when nobody is there."""

    def __init__(self, queue: Queue, node: Node) -> None:
        self.found_worker: dict[str, bool] = {}
        self._queue, self._node = queue, node
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(queue.senders)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        api = self._queue.admissions()
        while not self._over.is_set():
            asked = job()
            ready = api.admit(asked).worker_ready
            self.found_worker[asked.id] = ready
            if not ready:
                self._node.wake()
            time.sleep(self._queue.pause_s)

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)


@pytest.fixture(params=["redis", "sqs"])
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    if request.param == "redis":
        with RedisServer() as server:
            yield OnRedis(server)
        return
    with StrictAws() as aws:
        async with sqs_world(aws) as world:
            yield OnSqs(world)


@pytest.fixture
async def node(queue: Queue) -> AsyncIterator[Node]:
    made = Node(queue)
    yield made
    made.end()


def stop_again_and_again(node: Node, close: Callable[[], bool], tries: int, each: int = 0) -> Counter[bool]:
    """Try to stop the node whenever it runs, until both has come of it; how often the door was closed, and not."""
    outcomes = Counter[bool]()
    while outcomes.total() < tries or min(outcomes[True], outcomes[False]) < each:
        if node.running:
            closed = close()
            outcomes[closed] += 1
            if closed:
                node.stop()
        time.sleep(0.001)
    return outcomes


def left_behind(storm: Storm, node: Node) -> list[str]:
    """Jobs that were told of a worker, and were queued while there was none: nobody wakes a node for them."""
    storm.end()
    return [sent for sent in node.queued_while_off if storm.found_worker[sent]]


async def test_no_accepted_job_is_left_on_a_node_that_is_stopped_again_and_again(queue: Queue, node: Node) -> None:
    gate, storm = queue.gate(), Storm(queue, node)
    stop_again_and_again(node, gate.close, queue.tries, each=min(20, queue.tries // 10))
    assert not left_behind(storm, node)
    api, until, left = queue.admissions(), time.monotonic() + 10, set(storm.found_worker)
    while left and time.monotonic() < until:
        left = {sent for sent in left if not _done(api, sent)}
    assert not left
    assert node.queued_while_off, "prompts found the door closed, and woke the node"


async def test_the_storm_finds_out_a_gate_that_looks_first_and_closes_afterwards(queue: Queue, node: Node) -> None:
    def close() -> bool:
        if queue.open_jobs():
            return False
        time.sleep(queue.pause_s / 2)
        queue.close_blindly()
        return True

    storm = Storm(queue, node)
    for _ in range(20):
        stop_again_and_again(node, close, 20)
        if any(storm.found_worker.get(sent) for sent in list(node.queued_while_off)):
            break
    assert left_behind(storm, node)


def _done(api: Admissions, job_id: str) -> bool:
    view = api.look(job_id, ALICE).view
    return view is not None and view.status is JobStatus.DONE

"""A node that is stopped a thousand times under a storm of prompts: nobody's job is left on it.

The node here is a worker that is there or not. It is stopped only when the gate was closed, as the watchdog does, and
woken only by a prompt that found nobody, as the router does.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from local.redis_server import RedisServer
from tests.factories import ALICE, job
from tinyllama.adapters.redis_admissions import RedisAdmissions, RedisDrainGate
from tinyllama.adapters.redis_dispatch import RedisDispatch, connect
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Heartbeat, Outcome

TRIES = 1_000
SENDERS = 3


class Node:
    """A worker that runs from a wake to a stop. A wake that meets a stop under way comes after it."""

    def __init__(self, port: int) -> None:
        self._port = port
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
        dispatch = RedisDispatch(connect("127.0.0.1", self._port), "node")
        link = RedisLink("127.0.0.1", self._port, timeout_s=5)
        while not self._over.is_set():
            await asyncio.to_thread(self._woken.wait)
            await dispatch.open()
            await dispatch.announce(Heartbeat("node", "m", slots=8, busy=0, ready=True))
            self._woken.clear()
            self._stopped.clear()
            self.running = True
            while not (self._stopped.is_set() or self._over.is_set()):  # a wake forgets a stop that came before it
                for claim in (await dispatch.claim(8, wait_s=0.005)).run:
                    await dispatch.settle(claim, Outcome(JobStatus.DONE, "a reply"))
            self.running = False
            self.queued_while_off |= {fields[1] for _, fields in link.ask("XRANGE", "jobs", "-", "+")}
            self.stops += 1
        await dispatch.close()


class Storm:
    """Users who send one prompt after the other, and wake the node when nobody is there."""

    def __init__(self, port: int, node: Node) -> None:
        self.found_worker: dict[str, bool] = {}
        self._port, self._node = port, node
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        api = admissions(self._port)
        while not self._over.is_set():
            asked = job()
            ready = api.admit(asked).worker_ready
            self.found_worker[asked.id] = ready
            if not ready:
                self._node.wake()
            time.sleep(0.004)

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)


def admissions(port: int) -> RedisAdmissions:
    limits = QueueLimits(max_queued=100_000, throttle=ThrottlePolicy(1_000_000, 1))
    return RedisAdmissions(RedisLink("127.0.0.1", port, timeout_s=5), limits)


@pytest.fixture
def node(redis_server: RedisServer) -> Iterator[Node]:
    RedisLink("127.0.0.1", redis_server.port, timeout_s=2).ask("FLUSHALL")
    made = Node(redis_server.port)
    yield made
    made.end()


def stop_again_and_again(node: Node, close: Callable[[], bool], tries: int) -> Counter[bool]:
    """Try to stop the node whenever it runs; returns how often the door was closed, and how often not."""
    outcomes = Counter[bool]()
    while outcomes.total() < tries:
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


def test_no_accepted_job_is_left_on_a_node_that_is_stopped_again_and_again(
    redis_server: RedisServer, node: Node
) -> None:
    gate = RedisDrainGate(RedisLink("127.0.0.1", redis_server.port, timeout_s=5))
    storm = Storm(redis_server.port, node)
    outcomes = stop_again_and_again(node, gate.close, TRIES)
    assert not left_behind(storm, node)
    api, until, left = admissions(redis_server.port), time.monotonic() + 10, set(storm.found_worker)
    while left and time.monotonic() < until:
        left = {sent for sent in left if not _done(api, sent)}
    assert not left
    assert outcomes[True] > 20, "it was stopped many times"
    assert outcomes[False] > 20, "and refused many times"
    assert node.queued_while_off, "prompts found the door closed, and woke the node"


def test_the_storm_finds_out_a_gate_that_looks_first_and_closes_afterwards(
    redis_server: RedisServer, node: Node
) -> None:
    link = RedisLink("127.0.0.1", redis_server.port, timeout_s=5)

    def close() -> bool:
        if link.ask("XLEN", "jobs"):
            return False
        time.sleep(0.002)
        return bool(link.ask("SET", "node:draining", "1"))

    storm = Storm(redis_server.port, node)
    for _ in range(20):
        stop_again_and_again(node, close, 20)
        if any(storm.found_worker.get(sent) for sent in list(node.queued_while_off)):
            break
    assert left_behind(storm, node)


def _done(api: RedisAdmissions, job_id: str) -> bool:
    view = api.look(job_id, ALICE).view
    return view is not None and view.status is JobStatus.DONE

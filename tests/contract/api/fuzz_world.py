"""What is fuzzed: the real gateway, router and Redis, and an EC2 that boots in no time but no model ever runs on.

Awake, a pretended worker ends jobs in every way there is; asleep, nobody takes them, so that every prompt looks at EC2.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.addresses import function_environment
from local.announce import announced
from local.aws.account import Account
from local.aws.seed import seed
from local.aws.server import StrictAws
from local.processes import ProcessId, end, spawn
from local.redis_server import HOST, RedisServer
from local.state import Options, Phase, State
from tinyllama.adapters.redis_dispatch import RedisDispatch, connect
from tinyllama.domain.jobs import Job, JobStatus
from tinyllama.ports import Claim, Heartbeat, Outcome

_BEAT = Heartbeat("pretended", "none", slots=8, busy=0, ready=True)
# `queue_full` would soon be all that is ever answered.
_OPEN = {"MAX_QUEUED": "1000000"}


@dataclass(frozen=True, slots=True)
class World:
    """Where the API is, and whose tokens it accepts."""

    url: str
    issuer: str
    client_id: str
    gateway_log: Path


@contextmanager
def world(folder: Path, *, awake: bool) -> Iterator[World]:
    """Start it all, and end it all."""
    with StrictAws(boot_s=0.2, stop_s=0.1) as aws, RedisServer() as redis, ExitStack() as stack:
        account = Account.model_validate(seed(aws.url).model_dump())
        state = State(
            phase=Phase.READY,
            supervisor=ProcessId.of(os.getpid()),
            options=Options(),
            aws_url=aws.url,
            redis_port=redis.port,
            account=account,
        )
        if awake:
            stack.enter_context(_worker(redis.port))
        url = stack.enter_context(_gateway(folder, function_environment(state)))
        yield World(url, account.issuer, account.client_id, folder / "gateway.log")


@contextmanager
def _gateway(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    ready = folder / "gateway.ready"
    command = [sys.executable, "-m", "local.gateway", "--port", "0", "--ready-file", str(ready)]
    child = spawn(command, env={**environment, **_OPEN}, log=folder / "gateway.log")
    try:
        look = Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.02), retry=retry_if_result(lambda it: it is None))
        yield (look(announced, ready) or {})["url"]
    finally:
        end(child, grace_s=5)


@contextmanager
def _worker(port: int) -> Iterator[None]:
    stopped = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_work(port, stopped)), name="pretended-worker")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


async def _work(port: int, stopped: threading.Event) -> None:
    dispatch, running = RedisDispatch(connect(HOST, port), _BEAT.name), list[Claim]()
    while not stopped.is_set():
        await dispatch.open()  # somebody may have said `POST /stop`: this node is back at once
        await dispatch.announce(_BEAT)
        for number, claim in enumerate(running):
            await dispatch.settle(claim, _outcome(number, claim.job))
        running = list((await dispatch.claim(8, wait_s=0.05)).run)
        await dispatch.renew([(claim, claim.job.prompt[:5]) for claim in running])
    await dispatch.close()


def _outcome(number: int, job: Job) -> Outcome:
    if number % 2:
        return Outcome(JobStatus.FAILED, error="engine_failed")
    return Outcome(JobStatus.DONE, job.prompt)


def statuses(log: Path) -> dict[str, int]:
    """How often each status was answered, from the gateway's access log, by `METHOD /route status`."""
    found: dict[str, int] = {}
    for line in log.read_text().splitlines():
        if line.startswith('{"log": "access"'):
            record = json.loads(line)
            key = f"{record['route']} {record['status']}"
            found[key] = found.get(key, 0) + 1
    return dict(sorted(found.items()))

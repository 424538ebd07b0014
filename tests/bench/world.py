"""What the router and its peers share: one Redis with a live worker, one user pool, one request."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from unittest.mock import patch

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lambdas.router import wiring
from local.gateway_event import Incoming, Route
from local.redis_server import RedisServer
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tinyllama.adapters import redis_dispatch
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Heartbeat

BUCKET = "tlfif-responses"
LIMITS = QueueLimits(max_queued=100_000, throttle=ThrottlePolicy(burst=1_000_000, interval_ms=1))
"""So generous that nobody is ever refused: a refusal is cheaper than an admission."""
PROMPT = "Explain in three sentences why a lease with a time limit is safer than a lock that its holder has to release."
_HEADERS = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate, br",
    "content-type": "application/json",
    "host": "x1.execute-api.eu-central-1.amazonaws.com",
    "user-agent": "python-httpx/0.28.1",
    "x-amzn-trace-id": "Root=1-66f2a7c1-2b1d6a4c0e5f4d7a8b9c0d1e",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}
_BEAT = Heartbeat("bench", "model", slots=4, busy=0, ready=True)
_ENVIRONMENT = {
    "COGNITO_ISSUER": ISSUER,
    "COGNITO_AUD": AUDIENCE,
    "REDIS_HOST": "127.0.0.1",
    "REPLY_BUCKET": BUCKET,
    "LEASE_ROLE_ARN": "arn:aws:iam::123456789012:role/tinyllama-lease",
    "MAX_QUEUED": str(LIMITS.max_queued),
}


def event(authorization: str) -> Mapping[str, Any]:
    """`POST /infer` as API Gateway hands it over, with the headers that a request through the internet has."""
    headers = {**_HEADERS, "authorization": authorization}
    came = Incoming(
        id="JKJaXmPLvHcESHA=",
        at=datetime.now(UTC),
        method="POST",
        path="/infer",
        query="",
        protocol="HTTP/1.1",
        headers=tuple(headers.items()),
        source_ip="203.0.113.7",
        body=json.dumps({"prompt": PROMPT, "idle": 5}).encode(),
    )
    return came.to_event(Route("POST", "/infer", ""), {})


def accepted_event() -> Mapping[str, Any]:
    """With a good token."""
    return event(f"Bearer {token()}")


def rejected_event() -> Mapping[str, Any]:
    """With a token of the right form that another key signed, so that the signature has to be looked at."""
    head, claims, _ = token().split(".")
    return event(f"Bearer {head}.{claims}.{token(sub='sub-mallory').split('.')[2]}")


@dataclass(frozen=True, slots=True)
class World:
    """A Redis and the ways to reach it."""

    port: int

    def client(self) -> "redis.Redis":
        """A client as an application would make it: short patience, no second try."""
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            socket_timeout=0.5,
            socket_connect_timeout=0.5,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def renew(self) -> None:
        """An empty queue, and a worker that said a moment ago that it is there."""
        with self.client() as client:
            client.flushdb()
        loop = asyncio.new_event_loop()  # not `asyncio.run`, which would take away the loop that Mangum runs on
        loop.run_until_complete(self._announce())
        loop.close()

    async def _announce(self) -> None:
        dispatch = redis_dispatch.RedisDispatch(redis_dispatch.connect("127.0.0.1", self.port), _BEAT.name)
        try:
            await dispatch.open()
            await dispatch.announce(_BEAT)
        finally:
            await dispatch.close()


@contextlib.contextmanager
def world() -> Iterator[World]:
    """A real Redis, and the router wired to it as in a fresh container, except for its throttle."""
    generous = partial(QueueLimits, throttle=LIMITS.throttle)
    with RedisServer() as server, _apart(server.process.pid):
        environment = {**_ENVIRONMENT, "REDIS_PORT": str(server.port), "REDIS_TIMEOUT_S": "0.5"}
        with (
            patch.dict("os.environ", environment),
            patch.object(wiring, "http_keys", lambda _url: key_set),
            patch.object(wiring, "QueueLimits", generous),
        ):
            _forget()
            yield World(server.port)
            _forget()


@contextlib.contextmanager
def _apart(pid: int) -> Iterator[None]:
    """Redis on one core and we on another, as two machines are; left to chance, they would share one now and then."""
    if sys.platform != "linux" or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        yield
        return
    os.sched_setaffinity(pid, cores[1:])
    os.sched_setaffinity(0, cores[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _forget() -> None:
    wiring.settings.cache_clear()
    wiring.adapters.cache_clear()

"""`GET /health` tells the truth about an engine: through the router's handler, a real worker and a real queue."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.router import handler, wiring
from local.aws.seed import seed
from tests.integration.worker.station import Station
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tinyllama.adapters.ec2_node import Ec2Nodes
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.node import NodeState

READY, STARTING = (200, "ready"), (503, "starting")


@pytest.fixture
def router(station: Station, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The router on the station's queue, and a node that runs, as far as EC2 knows."""
    station.s3.delete_bucket(Bucket="tlfif-responses-123456789012")  # the station's own, which seed makes
    account = seed(station.aws.url)
    nodes = Ec2Nodes(station.aws.client("ec2"))
    nodes.start(account.instance_id)
    while nodes.nodes()[0].state is not NodeState.RUNNING:
        station.aws.tick()
    for name, text in {
        "COGNITO_ISSUER": ISSUER,
        "COGNITO_AUD": AUDIENCE,
        **station.queue,
        "REDIS_TIMEOUT_S": "2",
        "REPLY_BUCKET": account.reply_bucket,
        "LEASE_ROLE_ARN": account.lease_role_arn,
        "AWS_ENDPOINT_URL": station.aws.url,
        "AWS_DEFAULT_REGION": account.region,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(wiring, "http_keys", lambda _url: key_set)
    caches = [wiring.settings, wiring.adapters, wiring._nodes, wiring._leases]
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def health() -> tuple[int, str]:
    event: dict[str, Any] = {
        "rawPath": "/health",
        "headers": {"authorization": f"Bearer {token()}"},
        "requestContext": {"requestId": "r", "http": {"method": "GET"}},
    }
    answer = handler.lambda_handler(event)
    return answer["statusCode"], json.loads(answer["body"])["status"]


async def test_health_says_that_nobody_would_serve_while_the_engine_is_down_and_when_it_is_back(
    station: Station, router: None
) -> None:
    station.engine.well = False
    station.start_worker("one")
    await station.until(lambda: '"started"' in station.log("one"))
    assert health() == STARTING
    station.engine.well = True
    await station.until(lambda: station.api.snapshot().worker_ready)
    assert health() == READY


async def test_health_says_so_too_when_the_engine_calls_itself_well_and_fails_every_prompt(
    station: Station, router: None
) -> None:
    station.start_worker("one", WORKER_SLOTS="1")
    await station.until(lambda: station.api.snapshot().worker_ready)
    assert health() == READY
    station.engine.broken = True
    bad = station.send()
    await station.until_status(bad, JobStatus.FAILED)
    await station.until(lambda: "engine fails" in station.log("one"))
    assert health() == STARTING, "although the engine says that it is well"
    asked = station.send(prompt="after it")
    assert station.engine.asked.count("after it") == 0, "no user's prompt is spent on finding out"
    station.engine.broken = False
    await station.until_status(asked, JobStatus.DONE)
    assert health() == READY

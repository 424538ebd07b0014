"""One world per implementation of the queue."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from local.aws.server import StrictAws
from local.redis_server import RedisServer
from tests.contract.sqs_world import sqs_world
from tests.contract.worlds import MemoryWorld, World, fake_world, real_world


@pytest.fixture(scope="module")
def aws_of_queues() -> Iterator[StrictAws]:
    """A strict local AWS for the module's queues; there can be only one at a time in a process."""
    with StrictAws() as aws:
        yield aws


@pytest_asyncio.fixture(params=["memory", "fakeredis", "redis-server", "sqs"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The queue to be tested, in each implementation in turn."""
    if request.param == "memory":
        yield MemoryWorld()
    elif request.param == "fakeredis":
        async with fake_world() as fake:
            yield fake
    elif request.param == "sqs":
        aws: StrictAws = request.getfixturevalue("aws_of_queues")
        async with sqs_world(aws) as sqs:
            yield sqs
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        async with real_world(server) as real:
            yield real

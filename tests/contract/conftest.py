"""One world per implementation of the queue."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.redis_server import RedisServer
from tests.contract.worlds import MemoryWorld, World, fake_world, real_world


@pytest_asyncio.fixture(params=["memory", "fakeredis", "redis-server"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The queue to be tested, in each implementation in turn."""
    if request.param == "memory":
        yield MemoryWorld()
    elif request.param == "fakeredis":
        async with fake_world() as fake:
            yield fake
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        async with real_world(server) as real:
            yield real

"""Fixtures that several tiers share."""

from collections.abc import Iterator

import pytest

from local.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real redis-server 6.2 for the whole run; tests that hurt it start their own."""
    with RedisServer() as server:
        yield server

"""Fixtures that several tiers share."""

import signal
from collections.abc import Iterator

import pytest

from local.redis_server import RedisServer

# A shell ignores Ctrl-C for what it runs in the background, and children inherit that: `tl` would never be told.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real redis-server 6.2 for the whole run; tests that hurt it start their own."""
    with RedisServer() as server:
        yield server

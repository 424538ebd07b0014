"""Fixtures that several tiers share."""

import gc
import signal
from collections.abc import Iterator

import pytest

from local.redis_server import RedisServer

# A shell ignores Ctrl-C for what it runs in the background, and children inherit that: `tl` would never be told.
signal.signal(signal.SIGINT, signal.default_int_handler)
gc.disable()  # until the tests are collected


def pytest_collection_finish() -> None:
    """Look for garbage from now on, though seldom, and never in what was imported: a quarter of the time went there."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real redis-server 6.2 for the whole run; tests that hurt it start their own."""
    with RedisServer() as server:
        yield server

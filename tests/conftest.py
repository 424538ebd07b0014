"""Fixtures that several tiers share."""

import gc
import signal
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from botocore.client import ClientCreator
from botocore.loaders import Loader

from local.redis_server import RedisServer

# A shell ignores Ctrl-C for what it runs in the background, and children inherit that: `tl` would never be told.
signal.signal(signal.SIGINT, signal.default_int_handler)
gc.disable()  # until the tests are collected


def _made_once(make: Callable[..., type]) -> Callable[..., type]:
    """botocore makes a class of its own for each client, EC2's with 800 methods. Here all of a session share theirs."""
    made: WeakKeyDictionary[Loader, dict[str, type]] = WeakKeyDictionary()

    def client_class(creator: Any, service_name: str, service_model: Any) -> type:
        classes = made.setdefault(creator._loader, {})
        if service_name not in classes:
            classes[service_name] = make(creator, service_name, service_model)
        return classes[service_name]

    return client_class


ClientCreator._create_client_class = _made_once(ClientCreator._create_client_class)  # type: ignore[attr-defined]


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

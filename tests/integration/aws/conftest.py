"""One empty strict AWS for each test, whose time passes only when a test says so."""

from collections.abc import Iterator

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import CLOCK


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws(boot_s=5, stop_s=2, cache_s=2, clock=CLOCK) as running:
        yield running

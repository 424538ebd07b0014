"""Stations: what a worker needs, on each queue, since what it promises is the same on both."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.aws.server import StrictAws
from tests.integration.worker.station import STATIONS, Station


@pytest.fixture(params=list(STATIONS))
async def station(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Station]:
    with StrictAws() as aws:
        async with STATIONS[request.param](aws, tmp_path) as made:
            yield made

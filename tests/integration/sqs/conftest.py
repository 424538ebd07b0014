"""An SQS queue on a strict local AWS of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from local.aws.server import StrictAws
from tests.contract.sqs_world import SqsWorld, sqs_world


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws() as running:
        yield running


@pytest_asyncio.fixture
async def world(aws: StrictAws) -> AsyncIterator[SqsWorld]:
    async with sqs_world(aws) as made:
        aws.clear()
        yield made

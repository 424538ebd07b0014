"""What an admission leaves in Redis (LAM-002), on fakeredis."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest

from tests.factories import ALICE, BOB, job
from tests.links import ClientLink
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.domain.errors import QueueUnavailableError


@pytest.fixture
def store() -> Iterator[Any]:
    with fakeredis.FakeRedis(version=(6, 2), decode_responses=True) as client:
        client.flushall()
        yield client


def test_the_job_is_kept_under_its_id_for_five_minutes(store: Any) -> None:
    asked = job()
    RedisAdmissions(ClientLink(store)).admit(asked)
    [key] = store.keys("job:*")
    assert uuid.UUID(key.removeprefix("job:")) == uuid.UUID(asked.id)
    assert 295 <= store.ttl(key) <= 305
    kept = json.loads(store.get(key))
    assert {name: kept[name] for name in ("prompt", "idle", "reply_s3", "ts")} == {
        "prompt": asked.prompt,
        "idle": asked.idle,
        "reply_s3": asked.reply_s3,
        "ts": asked.ts,
    }


def test_an_id_that_is_taken_is_refused_and_nothing_of_the_first_job_changes(store: Any) -> None:
    first = job()
    queue = RedisAdmissions(ClientLink(store))
    queue.admit(first)
    with pytest.raises(QueueUnavailableError, match="TAKEN"):
        queue.admit(first.model_copy(update={"prompt": "the second", "sub": BOB}))
    assert json.loads(store.get(f"job:{first.id}"))["prompt"] == first.prompt
    assert queue.look(first.id, ALICE).view is not None
    assert queue.snapshot().depth == 1

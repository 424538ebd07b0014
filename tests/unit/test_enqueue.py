"""What an admission leaves in Redis (LAM-002), on fakeredis."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import fakeredis
import pytest

from local.processes import ROOT
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
        queue.admit(replace(first, prompt="the second", sub=BOB))
    assert json.loads(store.get(f"job:{first.id}"))["prompt"] == first.prompt
    assert queue.look(first.id, ALICE).view is not None
    assert queue.snapshot().depth == 1


@pytest.mark.parametrize("adapters", ["redis_admissions, redis_link", "sqs_admissions, sqs_messages"])
def test_whoever_only_puts_jobs_into_a_queue_does_not_import_pydantic(adapters: str) -> None:
    script = f"import sys; from tinyllama.adapters import {adapters}; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

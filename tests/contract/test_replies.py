"""What `ReplyStore` promises, in memory and on S3."""

import json
from collections.abc import Iterator

import pytest

from local.aws.server import StrictAws
from tests.factories import reply
from tinyllama.adapters.memory_replies import MemoryReplies
from tinyllama.adapters.s3_replies import S3Replies
from tinyllama.domain.errors import ReplyStoreError
from tinyllama.ports import ReplyStore

BUCKET = "tlfif-responses-123456789012"


@pytest.fixture(params=["memory", "S3"])
def store(request: pytest.FixtureRequest) -> Iterator[ReplyStore]:
    if request.param == "memory":
        yield MemoryReplies()
        return
    with StrictAws() as aws:
        client = aws.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield S3Replies(client, BUCKET)


async def test_the_first_reply_stands_whatever_later_attempts_write(store: ReplyStore) -> None:
    first, second = reply("job-1", "first"), reply("job-1", "second")
    assert await store.put(first) == first
    assert await store.put(second) == first
    assert await store.put(first) == first


async def test_replies_of_different_jobs_do_not_meet(store: ReplyStore) -> None:
    one, two = reply("job-1", "Grüße 🦙"), reply("job-2", "")
    assert await store.put(one) == one
    assert await store.put(two) == two


async def test_a_bucket_that_is_not_there_is_a_clear_error() -> None:
    with StrictAws() as aws, pytest.raises(ReplyStoreError, match="NoSuchBucket"):
        await S3Replies(aws.client("s3"), BUCKET).put(reply("job-1"))


async def test_an_object_has_the_documented_fields_and_no_error_unless_it_failed() -> None:
    with StrictAws() as aws:
        client = aws.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        await S3Replies(client, BUCKET).put(reply("job-1", "text"))
        stored = client.get_object(Bucket=BUCKET, Key="job-1.json")
        assert stored["ContentType"] == "application/json"
        assert set(json.loads(stored["Body"].read())) == {"id", "text", "model", "usage", "timings"}

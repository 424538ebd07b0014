"""A plan whose bucket names are taken is refused before anything is made, and says what to change."""

from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws.server import StrictAws
from local.bucket_names import taken, to_be_made

PLACE = {"LocationConstraint": "eu-central-1"}


def change(address: str, name: str, *actions: str, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    about = {"actions": list(actions), "before": before, "after": {"bucket": name}}
    return {"address": address, "type": "aws_s3_bucket", "change": about}


def of_another_account(aws: StrictAws) -> Any:
    made = aws.client("sts").assume_role(RoleArn="arn:aws:iam::210987654321:role/other", RoleSessionName="other")
    keys = made["Credentials"]
    return boto3.client(
        "s3",
        region_name="eu-central-1",
        endpoint_url=aws.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_only_buckets_that_are_to_be_made_are_looked_at() -> None:
    plan = {
        "resource_changes": [
            change("module.a.aws_s3_bucket.this", "new", "create"),
            change("module.b.aws_s3_bucket.this", "kept", "no-op", before={"bucket": "kept"}),
            change("module.c.aws_s3_bucket.this", "replaced", "delete", "create", before={"bucket": "replaced"}),
            {**change("aws_sqs_queue.jobs", "queue", "create"), "type": "aws_sqs_queue"},
        ]
    }
    assert to_be_made(plan) == {"module.a.aws_s3_bucket.this": "new"}


def test_a_name_that_is_free_is_no_trouble(aws: StrictAws) -> None:
    assert list(taken(aws.client("s3"), {"a": "tlfif-responses-123456789012"})) == []


def test_a_name_that_somebody_else_has_asks_for_another_suffix(aws: StrictAws) -> None:
    of_another_account(aws).create_bucket(Bucket="tlfif-keys-1", CreateBucketConfiguration=PLACE)
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        aws.client("s3").create_bucket(Bucket="tlfif-keys-1", CreateBucketConfiguration=PLACE)
    [advice] = taken(aws.client("s3"), {"a": "tlfif-keys-1"})
    assert "somebody else" in advice
    assert "bucket_suffix" in advice


def test_a_bucket_of_our_own_can_be_taken_over(aws: StrictAws) -> None:
    aws.client("s3").create_bucket(Bucket="tlfif-keys-2", CreateBucketConfiguration=PLACE)
    [advice] = taken(aws.client("s3"), {"module.keys.aws_s3_bucket.this": "tlfif-keys-2"})
    assert "terraform import 'module.keys.aws_s3_bucket.this' tlfif-keys-2" in advice


def test_any_other_answer_is_no_verdict(aws: StrictAws) -> None:
    aws.fail("s3:HeadBucket", "SlowDown", times=None)
    with pytest.raises(ClientError):
        list(taken(aws.client("s3"), {"a": "tlfif-keys-3"}))

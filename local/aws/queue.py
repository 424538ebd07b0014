"""The SQS queue and the DynamoDB table of `TL_QUEUE=sqs`, as Terraform makes them."""

import json
from typing import Any

ACCOUNT_ID = "123456789012"
QUEUE, TABLE = "tinyllama-jobs", "tinyllama-jobs"
MAX_RECEIVES = 100
"""A message that was received so often without being deleted is one that we cannot handle: a backstop with an alarm.
Far above `MAX_ATTEMPTS`, since every hand-back and every look at a job that somebody else holds counts, too."""
_RETENTION_S = 14 * 86_400


def create_queue(sqs: Any, dynamodb: Any, *, queue: str = QUEUE, table: str = TABLE) -> tuple[str, str]:
    """Make the queue with its redrive queue, and the table; returns the queue's URL and the table's name."""
    dead = sqs.create_queue(QueueName=f"{queue}-dead", Attributes={"MessageRetentionPeriod": str(_RETENTION_S)})
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead["QueueUrl"], AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    attributes = {
        "MessageRetentionPeriod": "3600",
        "VisibilityTimeout": "15",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES}),
    }
    url: str = sqs.create_queue(QueueName=queue, Attributes=attributes)["QueueUrl"]
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl_at"})
    return url, table

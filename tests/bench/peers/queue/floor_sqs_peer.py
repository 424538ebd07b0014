"""The floor on SQS: SendMessage, ReceiveMessage, DeleteMessage by boto3, one at a time; no promise."""

import os
from typing import Any

import boto3

from tests.bench.peers.queue.bell import ring

client: Any = boto3.client("sqs")
URL = os.environ["QUEUE_URL"]
_WAIT_S = 20  # the longest that SQS waits


def enqueue(number: int) -> None:
    """Send a message."""
    client.send_message(QueueUrl=URL, MessageBody=str(number))


def work() -> None:
    """For ever: receive a message, handle it, delete it."""
    while True:
        answer = client.receive_message(QueueUrl=URL, MaxNumberOfMessages=1, WaitTimeSeconds=_WAIT_S)
        for message in answer.get("Messages", ()):
            ring(int(message["Body"]))
            client.delete_message(QueueUrl=URL, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    work()

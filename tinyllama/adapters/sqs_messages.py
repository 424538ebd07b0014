"""The SQS side of the queue: messages that hold a job's id and nothing else."""

import contextlib
import json
import math
from typing import NamedTuple

from tinyllama.adapters.aws_json import AwsError, AwsJson
from tinyllama.domain.errors import QueueUnavailableError

MOST_AT_ONCE = 10
LONGEST_WAIT_S = 20
DEAD_SUFFIX = "-dead"
"""What the redrive queue is called, after the name of the queue."""


class Message(NamedTuple):
    """A delivery; the receipt is good for this one only."""

    job_id: str
    receipt: str


class SqsMessages:
    """One queue. Times in s; SQS counts in whole ones."""

    def __init__(self, aws: AwsJson, queue_url: str) -> None:
        self._aws = aws
        self._url = queue_url

    def send(self, job_id: str) -> None:
        """Say that somebody should look at a job. Raises `QueueUnavailableError`."""
        try:
            self._aws.call("sqs", "SendMessage", {"QueueUrl": self._url, "MessageBody": job_id})
        except AwsError as error:
            raise QueueUnavailableError(f"sqs: {error}") from error

    def bury(self, job_id: str, reason: str) -> None:
        """Leave a dead letter in the redrive queue, for operators and their alarm; best effort: it decides nothing."""
        body = json.dumps({"id": job_id, "reason": reason})
        with contextlib.suppress(AwsError, QueueUnavailableError):
            self._aws.call("sqs", "SendMessage", {"QueueUrl": f"{self._url}{DEAD_SUFFIX}", "MessageBody": body})

    def receive(self, limit: int, *, wait_s: float, hidden_s: float) -> list[Message]:
        """Wait for messages, which nobody else sees for `hidden_s`. Raises `QueueUnavailableError`."""
        wait = min(LONGEST_WAIT_S, math.ceil(wait_s))
        asked = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": min(MOST_AT_ONCE, limit),
            "WaitTimeSeconds": wait,
            "VisibilityTimeout": math.ceil(hidden_s),
        }
        try:
            answer = self._aws.call("sqs", "ReceiveMessage", asked, wait_s=wait)
        except AwsError as error:
            raise QueueUnavailableError(f"sqs: {error}") from error
        return [Message(found["Body"], found["ReceiptHandle"]) for found in answer.get("Messages", ())]

    def hide(self, receipt: str, hidden_s: float) -> None:
        """Show the message again after so long; one that is not ours any more, or no message, is left alone.

        Best effort, as `delete`: the table decides what a message means, so one too many or too early does no harm.
        """
        self._try("ChangeMessageVisibility", ReceiptHandle=receipt, VisibilityTimeout=math.ceil(hidden_s))

    def delete(self, receipt: str) -> None:
        """Forget a message."""
        self._try("DeleteMessage", ReceiptHandle=receipt)

    def _try(self, operation: str, **parameters: object) -> None:
        if not parameters["ReceiptHandle"]:  # of a job that was taken over without its message
            return
        with contextlib.suppress(AwsError, QueueUnavailableError):
            self._aws.call("sqs", operation, {"QueueUrl": self._url, **parameters})

    def count(self) -> tuple[int, int]:
        """Messages that wait and messages in flight, about. Raises `QueueUnavailableError`."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            answer = self._aws.call("sqs", "GetQueueAttributes", {"QueueUrl": self._url, "AttributeNames": names})
        except AwsError as error:
            raise QueueUnavailableError(f"sqs: {error}") from error
        waiting, hidden = (int(answer["Attributes"][name]) for name in names)
        return waiting, hidden

"""The local SQS keeps no order, delivers twice, and takes only the last receipt, as AWS does."""

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.sqs.models import sqs_backends

from local.aws.queue import ACCOUNT_ID, MAX_RECEIVES, create_queue
from local.aws.server import REGION, StrictAws


class Sqs:
    """A queue, through boto3."""

    def __init__(self, aws: StrictAws) -> None:
        self.client = aws.client("sqs")
        self.url, _ = create_queue(self.client, aws.client("dynamodb"), queue="q", table="t")

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self, limit: int = 10, *, wait_s: int = 0, hidden_s: int = 30, url: str = "") -> list[dict[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=url or self.url, MaxNumberOfMessages=limit, WaitTimeSeconds=wait_s, VisibilityTimeout=hidden_s
        )
        return list(answer.get("Messages", []))

    def hide(self, receipt: str, seconds: int) -> None:
        self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=seconds)

    def delete(self, receipt: str) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)

    def show(self) -> None:
        """Let every visibility timeout pass."""
        for message in sqs_backends[ACCOUNT_ID][REGION].get_queue("q")._messages:
            message.visible_at = 0


@pytest.fixture
def sqs(aws: StrictAws) -> Sqs:
    return Sqs(aws)


def test_a_standard_queue_keeps_no_order(sqs: Sqs) -> None:
    sent = [str(number) for number in range(10)]
    sqs.send(*sent)
    received = [message["Body"] for message in sqs.receive()]
    assert received != sent
    assert sorted(received) == sent
    assert sqs.receive() == [], "they are in flight"


def test_a_message_is_delivered_twice_if_it_has_to_be(aws: StrictAws, sqs: Sqs) -> None:
    aws.sqs.duplicates = 1.0
    sqs.send("a")
    first, second = sqs.receive(), sqs.receive()
    assert [m["Body"] for m in (*first, *second)] == ["a", "a"]
    assert first[0]["ReceiptHandle"] != second[0]["ReceiptHandle"]


def test_a_long_poll_ends_with_the_first_message(sqs: Sqs) -> None:
    later = threading.Timer(0.2, sqs.send, ("a",))
    later.start()
    started = time.monotonic()
    assert len(sqs.receive(wait_s=10)) == 1
    assert time.monotonic() - started < 5
    later.join()


def test_two_receivers_never_get_the_same_message(sqs: Sqs) -> None:
    sqs.send(*map(str, range(20)))
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(m["Body"] for m in sqs.receive())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(map(str, range(20)))


def test_an_old_receipt_hides_and_deletes_nothing(sqs: Sqs) -> None:
    sqs.send("a")
    [old] = sqs.receive()
    sqs.show()
    [new] = sqs.receive()
    with pytest.raises(ClientError, match="not available for visibility timeout change"):
        sqs.hide(old["ReceiptHandle"], 60)
    sqs.delete(old["ReceiptHandle"])
    sqs.show()
    assert len(sqs.receive()) == 1, "deleting by an old receipt succeeds, and deletes nothing"
    sqs.delete(new["ReceiptHandle"])


def test_a_message_whose_time_is_up_cannot_be_hidden_for_longer(sqs: Sqs) -> None:
    sqs.send("a")
    [message] = sqs.receive()
    sqs.show()
    with pytest.raises(ClientError, match="isn't in flight"):
        sqs.hide(message["ReceiptHandle"], 60)


def test_nothing_is_hidden_for_more_than_twelve_hours(sqs: Sqs) -> None:
    sqs.send("a")
    [message] = sqs.receive()
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        sqs.hide(message["ReceiptHandle"], 43_201)


def test_what_is_received_too_often_goes_to_the_redrive_queue(sqs: Sqs) -> None:
    sqs.send("a")
    for _ in range(MAX_RECEIVES):
        assert len(sqs.receive(hidden_s=0)) == 1
    assert sqs.receive() == []
    assert [message["Body"] for message in sqs.receive(url=f"{sqs.url}-dead")] == ["a"]

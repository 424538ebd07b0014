"""What SQS does and moto does not: no order, twice now and then, and receipts that are good for one delivery only.

Source: SQS Developer Guide, "Amazon SQS standard queues", "Visibility timeout"; API reference of the operations.
"""

import random
import time
from copy import deepcopy

from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.models import Message, Queue, SQSBackend

_LOOK_S = 0.05
"""How often a long poll looks whether something has become visible again."""


class MessageNotInflightError(SQSException):
    """The message can be received by anybody, so nobody can hide it for longer."""

    def __init__(self) -> None:
        super().__init__("MessageNotInflight", "The specified message isn't in flight.")


class StrictSqs:
    """Standard queues. `duplicates` is the share of messages that stay visible though they have been delivered."""

    def __init__(self, *, duplicates: float = 0.0, seed: int = 1) -> None:
        self.duplicates = duplicates
        self._dice = random.Random(seed)  # noqa: S311

    def receive(self, backend: SQSBackend, queue: Queue, count: int, wait_s: float, hidden_s: int) -> list[Message]:
        """Wait for up to `wait_s` for the first messages; a message has one receiver at a time."""
        end = time.monotonic() + wait_s
        with queue._messages_lock:  # noqa: SLF001
            while True:
                found = self._take(backend, queue, count, hidden_s)
                left = end - time.monotonic()
                if found or left <= 0:
                    return found
                queue._messages_lock.wait(min(left, _LOOK_S))  # noqa: SLF001

    def _take(self, backend: SQSBackend, queue: Queue, count: int, hidden_s: int) -> list[Message]:
        found: list[Message] = []
        visible = [m for m in queue.messages if backend.is_message_valid_based_on_retention_period(queue.name, m)]
        self._dice.shuffle(visible)
        for message in visible:
            if len(found) == count:
                break
            queue.pending_messages.discard(message)
            if _worn_out(queue, message):
                queue._messages.remove(message)  # noqa: SLF001
                queue.dead_letter_queue.add_message(message)  # type: ignore[union-attr]
                continue
            message.mark_received(visibility_timeout=hidden_s)
            queue.pending_messages.add(message)
            found.append(deepcopy(message))
            if self._dice.random() < self.duplicates:
                message.change_visibility(0)
        return found

    @staticmethod
    def check_in_flight(queue: Queue, receipt: str) -> None:
        """Refuse to change the visibility of what is not in flight by this receipt. Raises SQSException."""
        message = _by_receipt(queue, receipt)
        if message is None or message.receipt_handle != receipt:
            raise InvalidParameterValue(
                f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
                "available for visibility timeout change."
            )
        if message.visible:
            raise MessageNotInflightError

    @staticmethod
    def outdated(queue: Queue, receipt: str) -> bool:
        """Whether the message has been delivered again since: then deleting it succeeds, and deletes nothing."""
        message = _by_receipt(queue, receipt)
        return message is not None and message.receipt_handle != receipt


def _by_receipt(queue: Queue, receipt: str) -> Message | None:
    return next((m for m in queue._messages if m.had_receipt_handle(receipt)), None)  # noqa: SLF001


def _worn_out(queue: Queue, message: Message) -> bool:
    policy = queue.redrive_policy
    return bool(
        queue.dead_letter_queue is not None
        and policy
        and message.approximate_receive_count >= int(policy["maxReceiveCount"])
    )

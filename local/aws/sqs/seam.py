"""The one place where `StrictSqs` is hung into moto, and taken out again."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.sqs.models import SQSBackend

from local.aws.core.seam import replaced
from local.aws.sqs.messages import StrictSqs


@contextmanager
def installed(strict: StrictSqs) -> Iterator[None]:
    """Make moto's standard queues strict for as long as the context lasts; FIFO queues stay moto's."""
    seams = (
        ("receive_message", _receive(strict)),
        ("change_message_visibility", _change(strict)),
        ("delete_message", _delete(strict)),
    )
    with ExitStack() as undo:
        for name, method in seams:
            undo.enter_context(replaced(SQSBackend, name, method))
        yield


def _receive(strict: StrictSqs) -> Callable[..., Any]:
    original = SQSBackend.receive_message
    asked_for = inspect.signature(original)

    def receive(backend: SQSBackend, queue_name: str, count: int, *args: Any, **kwargs: Any) -> Any:
        asked = asked_for.bind(backend, queue_name, count, *args, **kwargs)
        asked.apply_defaults()
        queue, given = backend.get_queue(queue_name), asked.arguments
        if queue.fifo_queue or given["message_attribute_names"]:
            return original(**given)
        wait_s, hidden_s = given["wait_seconds_timeout"] or 0, int(given["visibility_timeout"])
        return strict.receive(backend, queue, int(count), wait_s, hidden_s)

    return receive


def _change(strict: StrictSqs) -> Callable[..., Any]:
    original = SQSBackend.change_message_visibility

    def change(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        queue = backend.get_queue(queue_name)
        with queue._messages_lock:  # noqa: SLF001
            if not queue.fifo_queue:
                strict.check_in_flight(queue, receipt_handle)
            original(backend, queue_name, receipt_handle, visibility_timeout)
            queue._messages_lock.notify_all()  # noqa: SLF001

    return change


def _delete(strict: StrictSqs) -> Callable[..., Any]:
    original = SQSBackend.delete_message

    def delete(backend: SQSBackend, queue_name: str, receipt_handle: str) -> None:
        queue = backend.get_queue(queue_name)
        with queue._messages_lock:  # noqa: SLF001
            if queue.fifo_queue or not strict.outdated(queue, receipt_handle):
                original(backend, queue_name, receipt_handle)

    return delete

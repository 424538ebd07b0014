"""SQS keeps who may name a queue as its dead-letter queue (`RedriveAllowPolicy`), and gives policies back compactly."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import Queue

from local.aws.core.seam import replaced

_NAME = "RedriveAllowPolicy"
_PERMISSIONS = {"allowAll", "denyAll", "byQueue"}


@contextmanager
def installed() -> Iterator[None]:
    """Keep the attribute for as long as the context lasts."""
    original = Queue._set_attributes  # noqa: SLF001 - the one place where attributes come in
    described: Any = vars(Queue)["attributes"]

    def set_attributes(queue: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        if attributes.get(_NAME):
            _check(attributes[_NAME])
        elif _NAME in attributes:  # an empty one is none
            attributes = {**attributes, _NAME: None}
        original(queue, attributes, now)

    with ExitStack() as undo:
        undo.enter_context(replaced(Queue, "_set_attributes", set_attributes))
        undo.enter_context(replaced(Queue, "attributes", property(_compact(described.fget))))
        undo.enter_context(replaced(Queue, "redrive_allow_policy", None))
        undo.enter_context(replaced(Queue, "BASE_ATTRIBUTES", [*Queue.BASE_ATTRIBUTES, _NAME]))
        yield


def _compact(original: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    def attributes(queue: Any) -> dict[str, Any]:
        found = original(queue)
        if found.get("RedrivePolicy"):
            found["RedrivePolicy"] = json.dumps(queue.redrive_policy, separators=(",", ":"))
        return found

    return attributes


def _check(policy: str) -> None:
    try:
        permission = json.loads(policy)["redrivePermission"]
    except (ValueError, KeyError, TypeError):
        permission = None
    if permission not in _PERMISSIONS:
        raise InvalidParameterValue(
            f"Value {policy} for parameter {_NAME} is invalid. Reason: redrivePermission must be one of "
            f"{', '.join(sorted(_PERMISSIONS))}."
        )

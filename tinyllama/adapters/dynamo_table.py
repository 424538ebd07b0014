"""One DynamoDB table with string keys: conditional writes, transactions, and items as plain Python.

Values are `str`, `int`, sets of strings, and lists of ints. An item past its `ttl_at` counts as gone: DynamoDB takes
up to 48 hours to delete it.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from tinyllama.adapters.aws_json import AwsError, AwsJson
from tinyllama.domain.errors import QueueUnavailableError

T = TypeVar("T")
Value = str | int | set[str] | list[int]
Item = dict[str, Any]
Write = dict[str, dict[str, Any]]
"""One change of one item, as `TransactWriteItems` takes it; made by the functions below."""

_TRIES, _PAUSE_S = 10, 0.01
_CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"})
_BATCH = 100


class ConditionFailedError(Exception):
    """A condition did not hold. `items` has the item of each write as it is; None: there is none, or it was fine."""

    def __init__(self, items: list[Item | None], failed: list[bool]) -> None:
        super().__init__("the condition of a write did not hold")
        self.items = items
        self.failed = failed

    @property
    def item(self) -> Item | None:
        """The item of the first write."""
        return self.items[0]


def update(
    key: str,
    change: str,
    values: Mapping[str, Value],
    *,
    when: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Write:
    """Change an item, or make it; `change` and `when` are DynamoDB expressions, `values` without their colons."""
    return {"Update": {"Key": _key(key), "UpdateExpression": change, **_expressions(values, when, names)}}


def put(item: Item) -> Write:
    """Write an item whose key, `pk`, is not there yet."""
    typed = {name: _typed(value) for name, value in item.items()}
    return {"Put": {"Item": typed, "ConditionExpression": "attribute_not_exists(pk)"}}


def delete(key: str) -> Write:
    """Remove an item, if it is there."""
    return {"Delete": {"Key": _key(key)}}


def check(key: str, values: Mapping[str, Value], *, when: str) -> Write:
    """Let the transaction depend on an item."""
    return {"ConditionCheck": {"Key": _key(key), **_expressions(values, when, None)}}


class DynamoTable:
    """The table. Every method raises `QueueUnavailableError` when it is away; conflicts are waited out for a time."""

    def __init__(self, aws: AwsJson, name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._aws = aws
        self._name = name
        self._sleep = sleep

    def get(self, key: str, *, now_s: float | None = None) -> Item:
        """The item; empty when there is none, or when it had ended by `now_s`."""
        found = self._call("GetItem", {"TableName": self._name, "Key": _key(key), "ConsistentRead": True})
        return _living(found.get("Item"), now_s)

    def get_all(self, keys: Iterable[str], *, now_s: float | None = None) -> dict[str, Item]:
        """The items that exist, by key."""
        left, found = list(keys), dict[str, Item]()
        while left:
            asked = {self._name: {"Keys": [_key(key) for key in left[:_BATCH]], "ConsistentRead": True}}
            answer = self._call("BatchGetItem", {"RequestItems": asked})
            for typed in answer["Responses"].get(self._name, ()):
                if item := _living(typed, now_s):
                    found[item["pk"]] = item
            unread = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", ())
            left = [key["pk"]["S"] for key in unread] + left[_BATCH:]
        return found

    def write(self, change: Write, returns: str = "NONE") -> Item:
        """Update one item; returns what `returns` (DynamoDB's ReturnValues) asks for.

        Raises:
            ConditionFailedError: with the item as it is.
        """
        asked = {"TableName": self._name, **change["Update"], "ReturnValues": returns}
        answer = self._patiently(partial(self._call, "UpdateItem", asked))
        return _plain(answer.get("Attributes"))

    def transact(self, writes: Iterable[Write]) -> None:
        """Make all changes or none.

        Raises:
            ConditionFailedError: a condition did not hold; which, and the items as they are, where DynamoDB says so.
        """
        named = [{kind: {"TableName": self._name, **change} for kind, change in write.items()} for write in writes]
        self._patiently(partial(self._call, "TransactWriteItems", {"TransactItems": named}))

    def _patiently(self, call: Callable[[], T]) -> T:
        for attempt in range(_TRIES):
            try:
                return call()
            except _ConflictError:
                # Full jitter: whoever collided must not do so again.
                self._sleep(random.uniform(0, _PAUSE_S * 2 ** min(attempt, 4)))  # noqa: S311
        raise QueueUnavailableError(f"dynamodb: too many want to change the same item of {self._name}")

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        try:
            return self._aws.call("dynamodb", operation, parameters)
        except AwsError as error:
            raise _meaning(error) from error


class _ConflictError(Exception):
    """Another transaction was at work on an item."""


def _meaning(error: AwsError) -> Exception:
    if error.code == "ConditionalCheckFailedException":
        return ConditionFailedError([_plain(error.details.get("Item")) or None], [True])
    reasons = error.details.get("CancellationReasons", ())
    codes = {reason.get("Code", "None") for reason in reasons} if reasons else {error.code}
    if codes & _CONFLICTS:
        return _ConflictError()
    if codes <= {"None", "ConditionalCheckFailed"} and reasons:
        items = [_plain(reason.get("Item")) or None for reason in reasons]
        return ConditionFailedError(items, [reason.get("Code") == "ConditionalCheckFailed" for reason in reasons])
    return QueueUnavailableError(f"dynamodb: {error}")


def _expressions(values: Mapping[str, Value], when: str | None, names: Mapping[str, str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if values:
        found["ExpressionAttributeValues"] = {f":{name}": _typed(value) for name, value in values.items()}
    if names:
        found["ExpressionAttributeNames"] = {f"#{name}": attribute for name, attribute in names.items()}
    if when:
        found |= {"ConditionExpression": when, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    return found


def _key(key: str) -> dict[str, Any]:
    return {"pk": {"S": key}}


def _living(typed: Mapping[str, Any] | None, now_s: float | None) -> Item:
    item = _plain(typed)
    return {} if now_s is not None and item.get("ttl_at", now_s + 1) <= now_s else item


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, set | frozenset):
        return {"SS": sorted(value)}
    return {"L": [_typed(each) for each in value]}


def _plain(typed: Mapping[str, Any] | None) -> Item:
    return {name: _value(value) for name, value in (typed or {}).items()}


def _value(typed: Mapping[str, Any]) -> Any:
    [(kind, value)] = typed.items()
    if kind == "N":
        return int(value)
    if kind == "SS":
        return set(value)
    return [_value(each) for each in value] if kind == "L" else value

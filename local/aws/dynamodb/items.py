"""What DynamoDB refuses and moto does not: writes that meet a transaction, tokens used twice, reads that must be fresh.

- While a transaction commits (`commit_s`), other writes to its items fail with a conflict, as do other transactions.
- A transaction happens as a whole: its conditions are judged before anything changes, and nobody sees half of it.
- A `ClientRequestToken` that comes again with the same transaction changes nothing; with another one, it is refused.
- A read that is not `ConsistentRead` shows an item as it was before its last change, for `stale_s`.
- TTL deletes nothing: AWS takes up to 48 hours. `expire_now` deletes what is past its TTL, as AWS may at any time.
"""

import copy
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    ERROR_TYPE_PREFIX,
    DynamodbException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
)
from moto.dynamodb.models import DynamoDBBackend

ItemId = tuple[str, str]
_MOST = 100
_TOKEN_LIFE_S = 600.0


class TransactionConflictError(DynamodbException):
    """A write met a transaction."""

    def __init__(self) -> None:
        super().__init__(f"{ERROR_TYPE_PREFIX}TransactionConflictException", "Transaction is ongoing for the item")


class TokenMismatchError(DynamodbException):
    """A token came again with other parameters."""

    def __init__(self) -> None:
        super().__init__(
            f"{ERROR_TYPE_PREFIX}IdempotentParameterMismatchException",
            "The provided client token is already in use with different parameters",
        )


class StrictDynamoDb:
    """What moto does not remember. `lock` guards all items; `pause` is what a transaction does while it commits."""

    def __init__(self, *, commit_s: float = 0.002, stale_s: float = 0.5) -> None:
        self.commit_s, self.stale_s = commit_s, stale_s
        self.pause: Callable[[float], None] = time.sleep
        self.lock = threading.RLock()
        self._ongoing: set[ItemId] = set()
        self._before: dict[ItemId, tuple[Any, float]] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._reader = threading.local()

    def check_free(self, item: ItemId) -> None:
        """Refuse a single write to an item that a transaction is changing. Raises TransactionConflictError."""
        if item in self._ongoing:
            raise TransactionConflictError

    def remember(self, item: ItemId, before: Any) -> None:
        """Keep an item as it was before a change, for those who do not ask for a consistent read."""
        self._before[item] = (copy.deepcopy(before), time.monotonic())

    @contextmanager
    def inconsistent(self) -> Iterator[None]:
        """Let this thread's reads be stale."""
        self._reader.stale = True
        try:
            yield
        finally:
            self._reader.stale = False

    def seen(self, item: ItemId, current: Any) -> Any:
        """The item as this thread's read shows it."""
        before, changed = self._before.get(item, (None, float("-inf")))
        stale = getattr(self._reader, "stale", False) and time.monotonic() - changed < self.stale_s
        return before if stale else current

    def transact(self, backend: DynamoDBBackend, writes: list[dict[str, Any]], token: str | None) -> None:
        """Make all writes or none. Raises moto's exceptions, as AWS would answer."""
        if len(writes) > _MOST:
            raise TooManyTransactionsException
        with self.lock:
            if self._replayed(token, writes):
                return
            items = [_item_id(backend, write) for write in writes]
            if len(set(items)) < len(items):
                raise MultipleTransactionsException
            if self._ongoing & set(items):
                busy = ("TransactionConflict", "Transaction is ongoing for the item", None)
                raise TransactionCanceledException([busy if i in self._ongoing else (None,) * 3 for i in items])
            self._ongoing |= set(items)
        try:
            self.pause(self.commit_s)
            with self.lock:
                self._commit(backend, writes)
                if token:
                    self._tokens[token] = (json.dumps(writes, sort_keys=True), time.monotonic())
        finally:
            with self.lock:
                self._ongoing -= set(items)

    def _replayed(self, token: str | None, writes: list[dict[str, Any]]) -> bool:
        known, at = self._tokens.get(token or "", ("", float("-inf")))
        if time.monotonic() - at > _TOKEN_LIFE_S:
            return False
        if known != json.dumps(writes, sort_keys=True):
            raise TokenMismatchError
        return True

    def _commit(self, backend: DynamoDBBackend, writes: list[dict[str, Any]]) -> None:
        reasons = [_reason(backend, write) for write in writes]
        if any(code for code, _, _ in reasons):
            raise TransactionCanceledException(reasons)
        kept = {_item_id(backend, write): copy.deepcopy(_current(backend, write)) for write in writes}
        try:
            for write in writes:
                _apply(backend, *next(iter(write.items())))
        except DynamodbException as error:  # such as a number added to a text
            for write in writes:
                _restore(backend, write, kept[_item_id(backend, write)])
            reason = ("ValidationError", str(error), None)
            raise TransactionCanceledException([reason for _ in writes]) from error

    def expire_now(self, backend: DynamoDBBackend, name: str) -> int:
        """Delete what is past its TTL; returns how many items that were."""
        table = backend.tables[name]
        attribute, now = table.ttl["AttributeName"], time.time()
        with self.lock:
            doomed = [i for i in table.all_items() if attribute in i.attrs and float(i.attrs[attribute].value) <= now]
            for item in doomed:
                backend.delete_item(name, {table.hash_key_attr: item.hash_key.to_json()})
        return len(doomed)


def _item_id(backend: DynamoDBBackend, write: Mapping[str, Any]) -> ItemId:
    [operation] = write.values()
    return item_id(backend, operation["TableName"], operation.get("Key") or operation["Item"])


def item_id(backend: DynamoDBBackend, name: str, attributes: Mapping[str, Any]) -> ItemId:
    """Which item a key, or a whole item, is about."""
    table = backend.get_table(name)
    keys = [key for key in (table.hash_key_attr, table.range_key_attr) if key]
    return table.name, json.dumps([attributes.get(key) for key in keys], sort_keys=True)


def _key(backend: DynamoDBBackend, write: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    [operation] = write.values()
    table = backend.get_table(operation["TableName"])
    source = operation.get("Key") or operation["Item"]
    return table.name, {name: source[name] for name in (table.hash_key_attr, table.range_key_attr) if name}


def _current(backend: DynamoDBBackend, write: Mapping[str, Any]) -> Any:
    return backend.get_item(*_key(backend, write))


def _restore(backend: DynamoDBBackend, write: Mapping[str, Any], before: Any) -> None:
    name, key = _key(backend, write)
    if before is None:
        backend.delete_item(name, key)
    else:
        backend.put_item(name, before.to_json()["Attributes"], overwrite=True)


def _reason(backend: DynamoDBBackend, write: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    [operation] = write.values()
    current, condition = _current(backend, write), operation.get("ConditionExpression")
    names, values = operation.get("ExpressionAttributeNames"), operation.get("ExpressionAttributeValues")
    if condition is None or get_filter_expression(condition, names, values).expr(current):
        return None, None, None
    wanted = operation.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and current is not None
    item = current.to_json()["Attributes"] if wanted else None
    return "ConditionalCheckFailed", "The conditional request failed", item


def _apply(backend: DynamoDBBackend, kind: str, operation: Mapping[str, Any]) -> None:
    name = operation["TableName"]
    if kind == "Put":
        backend.put_item(name, operation["Item"], overwrite=True)
    elif kind == "Delete":
        backend.delete_item(name, operation["Key"])
    elif kind == "Update":
        backend.update_item(
            name,
            operation["Key"],
            update_expression=operation["UpdateExpression"],
            expression_attribute_names=operation.get("ExpressionAttributeNames") or {},
            expression_attribute_values=operation.get("ExpressionAttributeValues") or {},
        )

"""The one place where `StrictDynamoDb` is hung into moto, and taken out again."""

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler

from local.aws.core.seam import replaced
from local.aws.dynamodb.items import StrictDynamoDb, item_id


@contextmanager
def installed(strict: StrictDynamoDb) -> Iterator[None]:
    """Make moto's DynamoDB strict for as long as the context lasts."""
    seams: list[tuple[type, str, Callable[..., Any]]] = [
        *((DynamoHandler, name, _single(strict, name)) for name in ("put_item", "update_item", "delete_item")),
        *((DynamoHandler, name, _read(strict, name)) for name in ("get_item", "batch_get_item", "query", "scan")),
        (DynamoHandler, "transact_get_items", _locked(strict, "transact_get_items")),
        (DynamoHandler, "transact_write_items", _transaction(strict)),
        *((DynamoDBBackend, name, _change(strict, name)) for name in ("put_item", "update_item", "delete_item")),
        (DynamoDBBackend, "get_item", _seen(strict)),
    ]
    with ExitStack() as undo:
        for owner, name, method in seams:
            undo.enter_context(replaced(owner, name, method))
        yield


def _single(strict: StrictDynamoDb, name: str) -> Callable[..., Any]:
    original = getattr(DynamoHandler, name)

    def single(handler: Any) -> Any:
        with strict.lock:
            table, source = handler.body["TableName"], handler.body.get("Key") or handler.body["Item"]
            strict.check_free(item_id(handler.dynamodb_backend, table, source))
            return original(handler)

    return single


def _read(strict: StrictDynamoDb, name: str) -> Callable[..., Any]:
    original = getattr(DynamoHandler, name)

    def read(handler: Any) -> Any:
        requests = handler.body.get("RequestItems", {"": handler.body}).values()
        with strict.lock:
            if all(request.get("ConsistentRead") for request in requests):
                return original(handler)
            with strict.inconsistent():
                return original(handler)

    return read


def _locked(strict: StrictDynamoDb, name: str) -> Callable[..., Any]:
    original = getattr(DynamoHandler, name)

    def locked(handler: Any) -> Any:
        with strict.lock:
            return original(handler)

    return locked


def _transaction(strict: StrictDynamoDb) -> Callable[..., Any]:
    original = DynamoHandler.transact_write_items

    def transact(handler: Any) -> Any:
        writes, token = handler.body["TransactItems"], handler.body.get("ClientRequestToken")
        for write in writes:
            for operation in write.values():
                _check_values_used(operation)
        # moto's handler checks the expressions; what it then does with them is replaced.
        backend = handler.dynamodb_backend
        handler.body = copy.deepcopy(handler.body)
        proxy = _Proxy(backend, lambda items: strict.transact(backend, items, token))
        return original(_with_backend(handler, proxy))

    return transact


class _Proxy:
    """A backend of which one method is another."""

    def __init__(self, backend: DynamoDBBackend, transact: Callable[[Any], None]) -> None:
        self._backend = backend
        self.transact_write_items = transact

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def _with_backend(handler: Any, backend: Any) -> Any:
    kind = type("Handler", (type(handler),), {"dynamodb_backend": property(lambda _: backend)})
    twin = copy.copy(handler)
    twin.__class__ = kind
    return twin


def _check_values_used(operation: dict[str, Any]) -> None:
    """AWS refuses values that no expression uses; moto does so outside transactions only."""
    expressions = f"{operation.get('ConditionExpression', '')} {operation.get('UpdateExpression', '')}"
    if unused := set(operation.get("ExpressionAttributeValues", ())) - set(re.findall(r":\w+", expressions)):
        raise MockValidationException(
            f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{', '.join(sorted(unused))}}}"
        )


def _change(strict: StrictDynamoDb, name: str) -> Callable[..., Any]:
    original = getattr(DynamoDBBackend, name)

    def change(backend: DynamoDBBackend, table_name: str, source: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        with strict.lock:
            table = backend.get_table(table_name)
            keys = {key: source[key] for key in (table.hash_key_attr, table.range_key_attr) if key and key in source}
            if keys:
                strict.remember(item_id(backend, table_name, keys), backend.get_item(table_name, keys))
            return original(backend, table_name, source, *args, **kwargs)

    return change


def _seen(strict: StrictDynamoDb) -> Callable[..., Any]:
    original = DynamoDBBackend.get_item

    def get(backend: DynamoDBBackend, table_name: str, keys: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        with strict.lock:
            current = original(backend, table_name, keys, *args, **kwargs)
            return strict.seen(item_id(backend, table_name, keys), current)

    return get

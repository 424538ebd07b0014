"""What Lambda refuses of aliases and versions, and moto does not.

Source: API reference of Lambda, CreateAlias, UpdateAlias and DeleteFunction; developer guide, "Weighted alias".
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError, PreconditionFailedException
from moto.awslambda.models import LambdaAlias, LambdaStorage
from moto.awslambda.responses import LambdaResponse

from local.aws.core.seam import replaced


class _InUseError(LambdaClientError):
    """Of a version that an alias points to."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


@contextmanager
def installed() -> Iterator[None]:
    """Make moto's aliases strict for as long as the context lasts."""
    put, update, answer, change, remove = (
        LambdaStorage.put_alias,
        LambdaStorage.update_alias,
        LambdaResponse.update_alias,
        LambdaAlias.update,
        LambdaStorage.del_function,
    )

    def created(storage: Any, *given: Any) -> Any:
        _, function, version, _, routing = given
        _check(storage, function, version, routing)
        return put(storage, *given)

    def updated(storage: Any, *given: Any) -> Any:
        name, function, version, description, routing = given
        version = version or storage.get_alias(name, function).function_version
        _check(storage, function, version, routing)
        return update(storage, name, function, version, description, routing)

    def answered(response: Any) -> Any:
        function, name = response.path.rsplit("/")[-3], response.path.rsplit("/", 2)[-1]
        wanted = json.loads(response.body).get("RevisionId")
        if wanted and wanted != response.backend.get_alias(name=name, function_name=function).revision_id:
            message = (
                "The RevisionId provided does not match the latest RevisionId. Call the GetAlias API to retrieve it"
            )
            raise PreconditionFailedException(message)
        return answer(response)

    def changed(alias: Any, *args: Any) -> None:
        change(alias, *args)
        alias.revision_id = str(uuid.uuid4())

    def removed(storage: Any, name_or_arn: str, qualifier: str | None = None) -> None:
        name = name_or_arn.rpartition(":function:")[2].partition(":")[0]
        users = [one.name for one in storage.list_aliases(name) if qualifier and qualifier in _targets(one)]
        if users:
            raise _InUseError(f"Unable to delete version because the following aliases reference it: {users}")
        remove(storage, name_or_arn, qualifier)

    with ExitStack() as undo:
        undo.enter_context(replaced(LambdaStorage, "put_alias", created))
        undo.enter_context(replaced(LambdaStorage, "update_alias", updated))
        undo.enter_context(replaced(LambdaResponse, "update_alias", answered))
        undo.enter_context(replaced(LambdaAlias, "update", changed))
        undo.enter_context(replaced(LambdaStorage, "del_function", removed))
        yield


def _targets(alias: Any) -> set[str]:
    return {alias.function_version, *_weights(alias.routing_config)}


def _weights(routing: Any) -> Mapping[str, float]:
    return (routing or {}).get("AdditionalVersionWeights") or {}


def _check(storage: Any, function: str, version: str, routing: Any) -> None:
    weights = _weights(routing)
    if len(weights) > 1:
        raise InvalidParameterValueException("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for other, share in weights.items():
        if "$LATEST" in {version, other}:
            raise InvalidParameterValueException(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        if other == version:
            message = f"Function version {other} is already included in routing configuration."
            raise InvalidParameterValueException(f"Invalid function version {other}. {message}")
        if not 0 <= share <= 1:
            raise InvalidParameterValueException(f"Weight for version {other} must be between 0.0 and 1.0")
        storage.get_function_by_name_or_arn_with_qualifier(function, other)

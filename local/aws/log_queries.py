"""Saved queries of CloudWatch Logs Insights, which moto does not keep."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.responses import LogsResponse

from local.aws.core.seam import replaced

_FIELDS = ("name", "queryString", "logGroupNames", "queryLanguage")


@contextmanager
def installed() -> Iterator[None]:
    """Add PutQueryDefinition and its like for as long as the context lasts."""
    with ExitStack() as undo:
        for method in (_put_query_definition, _describe_query_definitions, _delete_query_definition):
            undo.enter_context(replaced(LogsResponse, method.__name__.removeprefix("_"), method))
        yield


def _put_query_definition(response: Any) -> str:
    given = {name: response._get_param(name) for name in _FIELDS}  # noqa: SLF001
    query_id = response._get_param("queryDefinitionId")  # noqa: SLF001
    if query_id and query_id not in _kept(response):
        raise ResourceNotFoundException("The specified query definition does not exist.")
    query_id = query_id or str(uuid4())
    _kept(response)[query_id] = {"queryDefinitionId": query_id, **{k: v for k, v in given.items() if v is not None}}
    return json.dumps({"queryDefinitionId": query_id})


def _describe_query_definitions(response: Any) -> str:
    prefix = response._get_param("queryDefinitionNamePrefix") or ""  # noqa: SLF001
    found = [one for one in _kept(response).values() if one["name"].startswith(prefix)]
    return json.dumps({"queryDefinitions": found})


def _delete_query_definition(response: Any) -> str:
    if _kept(response).pop(response._get_param("queryDefinitionId"), None) is None:  # noqa: SLF001
        raise ResourceNotFoundException("The specified query definition does not exist.")
    return json.dumps({"success": True})


def _kept(response: Any) -> dict[str, dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = vars(response.logs_backend).setdefault("query_definitions", {})
    return kept

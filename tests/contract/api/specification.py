"""`docs/api/openapi.yaml` as tests look at it: its operations and their answers, with every reference resolved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from local.gateway_routes import OPENAPI

ANY_METHOD = "x-amazon-apigateway-any-method"
_METHODS = ("get", "post", "put", "delete", "options", ANY_METHOD)
HANDLER = "x-tinyllama-handler"


@cache
def document() -> Mapping[str, Any]:
    """The file."""
    found: Mapping[str, Any] = yaml.load(OPENAPI.read_bytes(), yaml.CSafeLoader)
    return found


def resolved(part: Any) -> Any:
    """A part of the document with what its references point at put in their place."""
    if isinstance(part, list):
        return [resolved(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" not in part:
        return {name: resolved(item) for name, item in part.items()}
    target: Any = document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return resolved(target)


@dataclass(frozen=True, slots=True)
class Answer:
    """One status of one operation. `schemas` are the alternatives of its body, none for 204."""

    operation: str
    handler: str
    status: int
    headers: Mapping[str, Any]
    schemas: tuple[Mapping[str, Any], ...]
    examples: Mapping[str, Any]

    @property
    def codes(self) -> frozenset[str]:
        """The error codes that it may carry."""
        found = (schema["properties"].get("error", {}).get("const") for schema in self.schemas)
        return frozenset(code for code in found if code)

    @property
    def statuses(self) -> frozenset[str]:
        """The values of `status` that it may carry."""
        found = (schema["properties"].get("status", {}) for schema in self.schemas)
        return frozenset(word for one in found for word in one.get("enum", [one.get("const")]) if word)


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, path and operation, resolved, each once; `$default` has no method of its own."""
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield method, path, {HANDLER: document()[HANDLER], **resolved(operation)}


def answers() -> Iterator[Answer]:
    """Every answer of every operation."""
    for method, path, operation in operations():
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json", {})
            schema = content.get("schema")
            yield Answer(
                f"{method} {path}",
                operation[HANDLER],
                int(status),
                answer.get("headers", {}),
                tuple(schema.get("oneOf", [schema])) if schema else (),
                {name: example["value"] for name, example in content.get("examples", {}).items()},
            )

"""The routes, as `docs/api/openapi.yaml` has them, and that file itself for whoever asks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from local.gateway_event import DEFAULT, Route
from local.processes import ROOT

OPENAPI = ROOT / "docs" / "api" / "openapi.yaml"
_HANDLER, _ANY_METHOD = "x-tinyllama-handler", "x-amazon-apigateway-any-method"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def routes(path: Path = OPENAPI) -> tuple[Route, ...]:
    """All routes in the order in which they are tried: literal paths, `{name}`, `{name+}`, `$default`."""
    document = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    own = Route("GET", "/openapi.yaml", f"{__name__}.lambda_handler")
    return tuple(sorted([own, *_routes(document)], key=_greed))


def _routes(document: dict[str, Any]) -> Iterator[Route]:
    for path, item in document["paths"].items():
        for word, operation in item.items():
            if word in _METHODS or word == _ANY_METHOD:
                handler = operation.get(_HANDLER) or document[_HANDLER]
                yield Route.default(handler) if word == _ANY_METHOD else Route(word.upper(), path, handler)


def _greed(route: Route) -> tuple[bool, int, int]:
    return route.key == DEFAULT, route.path.count("+}"), route.path.count("{")


def lambda_handler(_event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Answer `GET /openapi.yaml`; on AWS nothing does, the file is in the documentation."""
    headers = {"content-type": "application/yaml; charset=utf-8"}
    return {"statusCode": 200, "headers": headers, "body": OPENAPI.read_text()}

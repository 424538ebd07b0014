"""The `/_tl/*` routes: faults, recorded calls and delays of the local AWS, over HTTP.

`/_tl/faults` (GET, POST, DELETE), `/_tl/calls` (GET, DELETE), `/_tl/settings` (GET, POST: only what is given changes).
"""

import json
from collections.abc import Callable
from typing import Any

from pydantic import Field, ValidationError
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from local.aws.core.calls import CallLog
from local.aws.core.clock import Delays
from local.aws.ec2.instances import StrictEc2
from local.aws.elasticache.clusters import StrictCache
from local.aws.faults import Fault, FaultBox

_Handler = Callable[[Request], tuple[int, Any]]


class Settings(Delays):
    """What can be set while the local AWS runs. `redis_port`: see `StrictCache`."""

    redis_port: int | None = Field(default=None, ge=1, le=65_535)


class Control:
    """Answers the `/_tl/*` requests."""

    def __init__(self, ec2: StrictEc2, cache: StrictCache, faults: FaultBox, calls: CallLog) -> None:
        """Steer these parts of the local AWS."""
        self._ec2, self._cache, self._faults, self._calls = ec2, cache, faults, calls
        self._routes: dict[str, dict[str, _Handler]] = {
            "/_tl/faults": {"GET": self._list_faults, "POST": self._add_fault, "DELETE": self._clear_faults},
            "/_tl/calls": {"GET": self._list_calls, "DELETE": self._clear_calls},
            "/_tl/settings": {"GET": self._get_settings, "POST": self._change_settings},
        }

    def respond(self, request: Request) -> Response:
        """Answer one request; every body is JSON."""
        try:
            methods = self._routes.get(request.path)
            if methods is None:
                raise NotFound(f"allowed are {', '.join(self._routes)}")
            if request.method not in methods:
                raise MethodNotAllowed(description=f"allowed are {', '.join(methods)}")
            status, body = methods[request.method](request)
        except ValidationError as error:
            status, body = 400, {"error": "invalid_request", "fields": _problems(error)}
        except HTTPException as error:
            status, body = (
                error.code or 500,
                {"error": error.name.lower().replace(" ", "_"), "detail": error.description},
            )
        return Response(json.dumps(body), status=status, content_type="application/json")

    def _list_faults(self, _request: Request) -> tuple[int, Any]:
        return 200, {"faults": self._faults.as_dicts()}

    def _add_fault(self, request: Request) -> tuple[int, Any]:
        fault = Fault.model_validate(_json(request))
        self._faults.add(fault)
        return 201, fault.model_dump()

    def _clear_faults(self, _request: Request) -> tuple[int, Any]:
        self._faults.clear()
        return 200, {"faults": []}

    def _list_calls(self, _request: Request) -> tuple[int, Any]:
        return 200, {"calls": self._calls.as_dicts()}

    def _clear_calls(self, _request: Request) -> tuple[int, Any]:
        self._calls.clear()
        return 200, {"calls": []}

    def change(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Change some settings and return all. Raises pydantic's ValidationError; then nothing changes."""
        given = Settings.model_validate(settings).model_dump(exclude_unset=True)
        changed = self._settings().model_copy(update=given).model_dump()
        self._cache.redis_port = changed.pop("redis_port")
        self._ec2.delays = Delays(**changed)
        return self._settings().model_dump()

    def _get_settings(self, _request: Request) -> tuple[int, Any]:
        return 200, self._settings().model_dump()

    def _change_settings(self, request: Request) -> tuple[int, Any]:
        return 200, self.change(_json(request))

    def _settings(self) -> Settings:
        return Settings(**self._ec2.delays.model_dump(), redis_port=self._cache.redis_port)


def _json(request: Request) -> Any:
    try:
        return json.loads(request.get_data())
    except ValueError as error:
        raise BadRequest("the body must be JSON") from error


def _problems(error: ValidationError) -> dict[str, str]:
    return {".".join(map(str, problem["loc"])) or "body": problem["msg"] for problem in error.errors()}

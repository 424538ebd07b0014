"""API Gateway's HTTP APIs: stages can be changed, and settings of a route that does not exist are refused."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.apigatewayv2 import urls
from moto.apigatewayv2.exceptions import APIGatewayV2Error
from moto.apigatewayv2.models import Api, Stage
from moto.apigatewayv2.responses import ApiGatewayV2Response

from local.aws.core.seam import replaced

_ROUTE_SETTINGS = "{0}/v2/apis/(?P<api_id>[^/]+)/stages/(?P<stage_name>[^/]+)/routesettings/(?P<route_key>.+)$"
_CHANGED_BY_STAGE = {
    "accessLogSettings": "access_log_settings",
    "autoDeploy": "auto_deploy",
    "defaultRouteSettings": "default_route_settings",
    "description": "description",
    "stageVariables": "stage_variables",
}


class _RefusedError(APIGatewayV2Error):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.code = status
        super().__init__(code, message)


@contextmanager
def installed() -> Iterator[None]:
    """Make moto's HTTP APIs strict for as long as the context lasts."""
    with ExitStack() as undo:
        undo.enter_context(replaced(Api, "create_stage", _create_stage))
        undo.enter_context(replaced(ApiGatewayV2Response, "update_stage", _update_stage))
        undo.enter_context(replaced(ApiGatewayV2Response, "delete_route_settings", _delete_route_settings))
        urls.url_paths[_ROUTE_SETTINGS] = ApiGatewayV2Response.dispatch
        undo.callback(urls.url_paths.pop, _ROUTE_SETTINGS)
        yield


def _create_stage(api: Any, config: dict[str, Any]) -> Stage:
    if config["stageName"] in api.stages:
        raise _RefusedError(409, "ConflictException", "Stage already exists")
    _check_routes(api, config.get("routeSettings", {}))
    stage = api.stages[config["stageName"]] = Stage(api=api, config=config)
    return stage


def _update_stage(response: Any) -> tuple[int, dict[str, str], str]:
    api_id, stage_name = response.path.split("/")[-3], unquote(response.path.split("/")[-1])
    api, given = response.apigatewayv2_backend.get_api(api_id), json.loads(response.body)
    stage = api.get_stage(stage_name)
    _check_routes(api, given.get("routeSettings", {}))
    for name, attribute in _CHANGED_BY_STAGE.items():
        if name in given:
            setattr(stage, attribute, given[name])
    stage.route_settings = {**stage.route_settings, **given.get("routeSettings", {})}
    stage.updated = datetime.now(UTC)
    return 200, {}, json.dumps(stage.to_json())


def _delete_route_settings(response: Any) -> tuple[int, dict[str, str], str]:
    path, _, route_key = response.path.partition("/routesettings/")
    api_id, stage_name = path.split("/")[-3], unquote(path.split("/")[-1])
    stage = response.apigatewayv2_backend.get_api(api_id).get_stage(stage_name)
    if stage.route_settings.pop(unquote(route_key), None) is None:
        raise _RefusedError(404, "NotFoundException", f"Unable to find RouteSettings by key {unquote(route_key)}")
    return 204, {}, ""


def _check_routes(api: Any, settings: dict[str, Any]) -> None:
    keys = {route.route_key for route in api.routes.values()}
    for key in settings:
        if key not in keys:
            message = f"Unable to find Route by key {key} within the provided RouteSettings"
            raise _RefusedError(404, "NotFoundException", message)

"""HTTP APIs: settings of a route that is not there are refused; a stage can be changed."""

from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import refused

LIMITS = {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 20.0}


@pytest.fixture
def edge(aws: StrictAws) -> Any:
    return aws.client("apigatewayv2")


@pytest.fixture
def api(edge: Any) -> str:
    made: str = edge.create_api(Name="tinyllama", ProtocolType="HTTP")["ApiId"]
    edge.create_route(ApiId=made, RouteKey="POST /infer")
    edge.create_stage(ApiId=made, StageName="$default", AutoDeploy=True)
    return made


def stage(edge: Any, api: str) -> Any:
    return edge.get_stage(ApiId=api, StageName="$default")


def test_settings_of_a_route_that_does_not_exist_are_refused_and_change_nothing(edge: Any, api: str) -> None:
    wrong = {"POST /infre": LIMITS}
    code, status, message = refused(edge.update_stage, ApiId=api, StageName="$default", RouteSettings=wrong)
    assert (code, status) == ("NotFoundException", 404)
    assert message == "Unable to find Route by key POST /infre within the provided RouteSettings"
    assert refused(edge.create_stage, ApiId=api, StageName="other", RouteSettings=wrong)[0] == "NotFoundException"
    assert stage(edge, api).get("RouteSettings", {}) == {}


def test_a_stage_that_exists_cannot_be_created_again(edge: Any, api: str) -> None:
    assert refused(edge.create_stage, ApiId=api, StageName="$default")[:2] == ("ConflictException", 409)


def test_an_update_changes_only_what_it_names(edge: Any, api: str) -> None:
    edge.update_stage(ApiId=api, StageName="$default", RouteSettings={"POST /infer": LIMITS})
    edge.update_stage(ApiId=api, StageName="$default", Description="public", DefaultRouteSettings=LIMITS)
    found = stage(edge, api)
    assert (found["RouteSettings"]["POST /infer"], found["Description"]) == (LIMITS, "public")
    assert (found["DefaultRouteSettings"], found["AutoDeploy"]) == (LIMITS, True)


def test_settings_of_a_route_are_taken_away_once(edge: Any, api: str) -> None:
    edge.update_stage(ApiId=api, StageName="$default", RouteSettings={"POST /infer": LIMITS})
    one = {"ApiId": api, "StageName": "$default", "RouteKey": "POST /infer"}
    edge.delete_route_settings(**one)
    assert stage(edge, api)["RouteSettings"] == {}
    assert refused(edge.delete_route_settings, **one)[0] == "NotFoundException"

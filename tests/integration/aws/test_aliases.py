"""Lambda aliases: what AWS refuses is refused."""

from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import refused
from tests.integration.aws.test_functions import role, wanted

__all__ = ["role"]  # the fixture
NAMES = {"FunctionName": "router", "Name": "prod"}


@pytest.fixture
def lambdas(aws: StrictAws, role: str) -> Any:
    client = aws.client("lambda")
    client.create_function(**wanted(role, Publish=True))
    client.publish_version(FunctionName="router")
    client.create_alias(**NAMES, FunctionVersion="1")
    return client


def test_an_alias_points_to_versions_that_exist_only(lambdas: Any) -> None:
    assert refused(lambdas.update_alias, **NAMES, FunctionVersion="9")[0] == "ResourceNotFoundException"
    routing = {"AdditionalVersionWeights": {"9": 0.1}}
    assert refused(lambdas.update_alias, **NAMES, RoutingConfig=routing)[0] == "ResourceNotFoundException"
    assert lambdas.get_alias(**NAMES)["FunctionVersion"] == "1"


@pytest.mark.parametrize("weights", [{"1": 0.1}, {"$LATEST": 0.1}, {"2": 1.5}, {"1": 0.1, "2": 0.1}])
def test_weights_that_make_no_sense_are_refused(lambdas: Any, weights: dict[str, float]) -> None:
    refusal = refused(lambdas.update_alias, **NAMES, RoutingConfig={"AdditionalVersionWeights": weights})
    assert refusal[0] in {"InvalidParameterValueException", "ValidationException"}


def test_an_alias_that_was_moved_meanwhile_is_not_moved_again(lambdas: Any) -> None:
    revision = lambdas.get_alias(**NAMES)["RevisionId"]
    lambdas.update_alias(**NAMES, FunctionVersion="1", RevisionId=revision)
    assert refused(lambdas.update_alias, **NAMES, FunctionVersion="1", RevisionId=revision)[:2] == (
        "PreconditionFailedException",
        412,
    )


def test_a_version_that_an_alias_points_to_cannot_be_deleted(lambdas: Any) -> None:
    assert refused(lambdas.delete_function, FunctionName="router", Qualifier="1")[0] == "ResourceConflictException"

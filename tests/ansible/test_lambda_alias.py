"""The module `tl_lambda_alias` and the runbook `rollback.yml` against the strict local AWS."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.exceptions import ReadTimeoutError

from library import tl_lambda_alias
from tests.ansible.conftest import Cloud, Run
from tests.integration.aws.test_functions import wanted
from tinyllama.adapters.lambda_alias import LambdaAlias, connect
from tinyllama.domain.alias import AliasError, Route

FUNCTION = "tinyllama-router"
Module = Callable[..., dict[str, Any]]


@pytest.fixture
def router(cloud: Cloud) -> Any:
    """A function with versions 1 to 8, of which 8 is live."""
    iam, lambdas = cloud.aws.client("iam"), cloud.aws.client("lambda")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="router", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    spec = wanted(role)
    lambdas.create_function(**spec | {"FunctionName": FUNCTION})
    for number in range(1, 9):
        lambdas.update_function_configuration(FunctionName=FUNCTION, Description=f"release {number}")
        lambdas.publish_version(FunctionName=FUNCTION, Description=f"release {number}")
    lambdas.create_alias(FunctionName=FUNCTION, Name="prod", FunctionVersion="8")
    cloud.aws.clear()
    return lambdas


def live(router: Any) -> tuple[str, dict[str, float]]:
    found = router.get_alias(FunctionName=FUNCTION, Name="prod")
    return found["FunctionVersion"], (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}


@pytest.fixture
def module(router: Any, capsys: pytest.CaptureFixture[str]) -> Module:
    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            tl_lambda_alias.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_check_do_check_do_is_changed_changed_ok_ok(cloud: Cloud, router: Any, module: Module) -> None:
    asked = {"version": "6", "canary": 7, "share": 0.25, "keep": 5}
    predicted = module(check=True, **asked)
    assert cloud.writes("lambda") == []
    done = module(**asked)
    assert cloud.writes("lambda") == ["UpdateAlias", "DeleteFunction", "DeleteFunction", "DeleteFunction"]
    assert live(router) == ("6", {"7": 0.25})
    cloud.aws.clear()
    again = [module(check=True, **asked), module(**asked)]
    assert cloud.writes("lambda") == []
    assert [answer["changed"] for answer in (predicted, done, *again)] == [True, True, False, False]
    assert {**predicted, "invocation": 0} == {**done, "invocation": 0}
    assert done["versions"] == [4, 5, 6, 7, 8]


def test_previous_ends_a_canary_too(router: Any, module: Module) -> None:
    module(version="8", canary=7)
    module(version="previous")
    assert live(router) == ("7", {})


@pytest.mark.parametrize(("version", "says"), [("99", "There is no version 99"), ("latest", "is no version")])
def test_bad_input_fails_and_touches_nothing(cloud: Cloud, module: Module, version: str, says: str) -> None:
    assert says in module(version=version)["msg"]
    assert cloud.writes("lambda") == []


def test_a_function_that_does_not_exist_is_named(module: Module) -> None:
    assert "ResourceNotFoundException" in module(function="nobody", version="1")["msg"]


class LosesAnswers:
    """A client whose `update_alias` is accepted, and whose answer never arrives."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_alias(self, **wanted: Any) -> None:
        self._client.update_alias(**wanted)
        raise ReadTimeoutError(endpoint_url="lambda")


def test_a_lost_answer_is_no_failure_if_the_alias_was_moved(router: Any) -> None:
    alias = LambdaAlias(LosesAnswers(connect()), FUNCTION, "prod")
    alias.route()
    assert alias.move(Route(7)) == Route(7)


def test_throttling_leaves_the_alias_as_it_was(cloud: Cloud, router: Any, module: Module) -> None:
    cloud.aws.fail("lambda:UpdateAlias", "TooManyRequestsException", times=None, status=429)
    assert "TooManyRequestsException" in module(version="7")["msg"]
    assert live(router)[0] == "8"


def test_an_alias_that_somebody_else_moves_meanwhile_is_left_to_them(router: Any) -> None:
    alias = LambdaAlias(connect(), FUNCTION, "prod")
    alias.route()
    router.update_alias(FunctionName=FUNCTION, Name="prod", FunctionVersion="5")
    with pytest.raises(AliasError, match="Somebody else has moved the alias meanwhile, to 5"):
        alias.move(Route(7))
    assert live(router)[0] == "5"


def test_the_runbook_goes_back_one_version_and_leaves_a_line(
    cloud: Cloud, router: Any, runbook: Callable[..., Run]
) -> None:
    checked = runbook("rollback", "--check", "--diff")
    refused = runbook("rollback")
    assert (checked.code, refused.code, cloud.writes("lambda")) == (0, 2, []), checked.output
    assert f"-e confirm={FUNCTION}" in refused.output
    done = runbook("rollback", "--diff", confirm=FUNCTION)
    assert done.code == 0, done.output
    assert live(router)[0] == "7"
    assert checked.diff == done.diff
    assert [line["outcome"] for line in done.audit] == ["refused", "changed"]
    assert done.audit[-1]["before"]["version"] == 8
    assert done.audit[-1]["after"]["version"] == 7
    again = runbook("rollback", version="7", confirm=FUNCTION)
    assert (again.code, again.changed) == (0, 0)
    wrong = runbook("rollback", expect_version="8", confirm=FUNCTION)
    assert (wrong.code, live(router)[0]) == (2, "7")

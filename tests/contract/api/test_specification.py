"""`docs/api/openapi.yaml` is valid, complete, and says what the code says."""

from collections.abc import Mapping
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from lambdas.http import PREFLIGHT
from lambdas.resize.routes import ROUTES as ADMIN_ROUTES
from lambdas.router.routes import ROUTES
from local.gateway_routes import lambda_handler, routes
from tests.contract.api.specification import ANY_METHOD, Answer, answers, document, operations, resolved
from tinyllama.domain.automation import ExecutionStatus
from tinyllama.domain.errors import HTTP_STATUS, ErrorCode
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.requests import IDLE_MAX_MINUTES, IDLE_MIN_MINUTES, PROMPT_MAX_BYTES
from tinyllama.domain.resize_api import ResizeAction
from tinyllama.domain.throttle import RETRY_AFTER_S

ROUTER = "lambdas.router.handler.lambda_handler"
RESIZE = "lambdas.resize.handler.lambda_handler"
ANSWERS = list(answers())
named = pytest.mark.parametrize("answer", ANSWERS, ids=[f"{one.operation} {one.status}" for one in ANSWERS])


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(dict(document())).validate()


@named
def test_every_alternative_of_a_body_has_an_example_and_every_example_fits_one(answer: Answer) -> None:
    fitting = [
        [number for number, schema in enumerate(answer.schemas) if OAS31Validator(schema).is_valid(example)]
        for example in answer.examples.values()
    ]
    assert all(len(numbers) == 1 for numbers in fitting), dict(zip(answer.examples, fitting, strict=True))
    assert {numbers[0] for numbers in fitting} == set(range(len(answer.schemas)))
    assert answer.codes <= set(answer.examples), "an error's example has the error's name"


@named
def test_every_answer_has_a_request_id_and_a_closed_body(answer: Answer) -> None:
    assert answer.headers["x-request-id"]["required"] is True
    assert all(schema["additionalProperties"] is False for schema in answer.schemas)
    assert bool(answer.schemas) == (answer.status != 204)


@named
def test_every_error_code_stands_under_its_own_status(answer: Answer) -> None:
    if answer.handler in {ROUTER, RESIZE}:
        assert {HTTP_STATUS[ErrorCode(code)] for code in answer.codes} <= {answer.status}


def test_every_error_code_of_router_and_admin_api_is_documented_and_no_other() -> None:
    documented = {code for answer in ANSWERS if answer.handler in {ROUTER, RESIZE} for code in answer.codes}
    assert documented == {code.value for code in ErrorCode}


def test_the_request_example_and_the_limits_are_the_router_s() -> None:
    asked = resolved(document()["components"]["schemas"]["InferRequest"])
    example = document()["components"]["examples"]["prompt"]["value"]
    assert OAS31Validator(asked).is_valid(example)
    assert asked["properties"]["prompt"]["maxLength"] == PROMPT_MAX_BYTES
    assert f"{PROMPT_MAX_BYTES:,} bytes" in asked["properties"]["prompt"]["description"]
    idle = asked["properties"]["idle"]
    assert (idle["minimum"], idle["maximum"]) == (IDLE_MIN_MINUTES, IDLE_MAX_MINUTES)


def test_states_and_headers_are_the_router_s() -> None:
    components = document()["components"]
    assert components["schemas"]["Job"]["properties"]["status"]["enum"] == [status.value for status in JobStatus]
    assert components["headers"]["RetryAfter"]["schema"]["const"] == RETRY_AFTER_S
    [preflight] = [one for one in ANSWERS if one.status == 204]
    said = {name: str(header["schema"]["const"]) for name, header in preflight.headers.items() if header.get("const")}
    promised: Mapping[str, str] = PREFLIGHT.headers or {}
    assert {name: str(preflight.headers[name]["schema"]["const"]) for name in promised} == {**promised, **said}


@pytest.mark.parametrize(("handler", "table"), [(ROUTER, ROUTES), (RESIZE, ADMIN_ROUTES)])
def test_the_paths_are_those_of_the_function(handler: str, table: Mapping[str, Mapping[str, Any]]) -> None:
    documented = {
        (path, method.upper())
        for method, path, operation in operations()
        if operation["x-tinyllama-handler"] == handler and method not in {"options", ANY_METHOD}
    }
    assert documented == {(path, method) for path, methods in table.items() for method in methods}


def test_the_admin_api_s_words_are_the_function_s() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["ResizeRequest"]["properties"]["action"]["enum"] == [action.value for action in ResizeAction]
    assert schemas["Operation"]["properties"]["status"]["enum"] == [status.value for status in ExecutionStatus]


def test_every_operation_but_the_preflight_and_the_default_needs_a_token() -> None:
    free = {f"{method} {path}" for method, path, operation in operations() if operation.get("security") == []}
    assert free - {"get /queue-health"} == {"options /{proxy+}", f"{ANY_METHOD} /$default"}


def test_the_gateway_serves_the_documented_routes_and_the_document() -> None:
    served = {route.key for route in routes()}
    documented = {
        "$default" if method == ANY_METHOD else f"{method.upper()} {path}" for method, path, _ in operations()
    }
    assert served == documented | {"GET /openapi.yaml"}
    assert lambda_handler({})["body"].startswith("---")

"""What schemathesis has to know of this API; loaded by its command line (`SCHEMATHESIS_HOOKS`)."""

import json
import os
from typing import Any, TypeAlias

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import MissingHeaderNotRejected, UnsupportedMethodResponse

from tests.contract.api.signer import Signer

Case: TypeAlias = schemathesis.Case[Any]
SIGNED_IN = os.environ["FUZZ_SIGNED_IN"] == "yes"
PROMPTS_PER_USER = 4
"""One fewer than a user may send at once: throttling has its own tests, here it would only hide everything else."""
NOT_THE_ROUTER_S = {"/queue-health", "/resize", "/resize/{operationId}"}

_owners: dict[str, str] = {}


class Users:
    """An authentication provider: a new user every few prompts, and for a known job its owner."""

    def __init__(self) -> None:
        self._signer = Signer(os.environ["FUZZ_ISSUER"], os.environ["FUZZ_CLIENT_ID"])
        self._token, self._uses = "", 0

    def get(self, case: Case, _context: schemathesis.AuthContext) -> str:
        """A value of `Authorization` that fits the request."""
        owner = _owners.get(str((case.path_parameters or {}).get("id")))
        return owner or f"Bearer {self._next()}"

    def set(self, case: Case, data: str, _context: schemathesis.AuthContext) -> None:
        """Send it."""
        case.headers["Authorization"] = data

    def _next(self) -> str:
        if self._uses % PROMPTS_PER_USER == 0:
            self._token = self._signer.token()
        self._uses += 1
        return self._token


if SIGNED_IN:
    schemathesis.auth(refresh_interval=None)(Users)


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: Case, response: schemathesis.Response) -> None:
    """Remember the owner of every job that was accepted."""
    if response.status_code == 202 and case.path == "/infer":
        _owners[_body(response)["id"]] = str(response.request.headers["Authorization"])


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: Case) -> bool:
    """A bad body behind a foreign origin is never looked at, so it would be wasted."""
    foreign = case.meta is not None and case.meta.is_negative_at(ParameterLocation.HEADER)
    return not (foreign and case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY))


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: Case, response: schemathesis.Response
) -> bool:
    """Drop what only looks like one: these two checks want 401 and 405 whatever else is wrong with a request."""
    if not isinstance(failure, MissingHeaderNotRejected | UnsupportedMethodResponse):
        return True
    # A foreign origin is refused first; and the router, which answers wrong methods, does not have these paths.
    refused_first = _body(response) == {"error": "origin_not_allowed"}
    elsewhere = case.path in NOT_THE_ROUTER_S and _body(response) == {"error": "not_found"}
    return not (refused_first or elsewhere)


@schemathesis.check
def the_only_503_are_about_the_node(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Redis, EC2 and the key set are all there, so a node that sleeps or boots is all that can be in the way."""
    if response.status_code >= 500:
        body = _body(response)
        sleeps = case.path == "/health" and set(body) <= {"status", "eta"}
        # A booting node cannot be stopped; EC2's own refusal is seen when it began to boot after we looked.
        booting = ("node_booting: ", "IncorrectInstanceState: ")
        boots = case.path == "/stop" and str(body.get("detail")).startswith(booting)
        assert response.status_code == 503, response.text
        assert sleeps or boots, response.text


@schemathesis.check
def nobody_gets_in_without_a_token(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Without a good token there is nothing but refusals, except where none is wanted."""
    if not SIGNED_IN and case.path != "/queue-health" and case.method.upper() != "OPTIONS":
        assert response.status_code in {401, 403, 404, 405}, response.status_code


@schemathesis.check
def every_answer_is_json_with_a_request_id(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Also where the specification says nothing: unknown paths, unknown methods."""
    assert response.headers.get("x-request-id")
    assert response.status_code == 204 or case.method.upper() == "HEAD" or isinstance(_body(response), dict)


def _body(response: schemathesis.Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.content)
    return found

"""A crash is logged with its place and without its words: they may repeat a prompt."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from lambdas.resize import handler as resize
from lambdas.router import handler as router
from tinyllama.domain.crash import places
from tinyllama.domain.errors import QueueUnavailableError

SECRET = "the secret prompt"


def raised(raise_it: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 -- whatever it is
        raise_it()
    return caught.value


def from_pydantic() -> None:
    TypeAdapter(int).validate_python(SECRET)


def test_a_foreign_exception_is_told_by_type_and_place() -> None:
    error = raised(from_pydantic)
    assert SECRET in str(error), "that is why"
    told = places(error)
    assert SECRET not in told
    assert told.endswith("ValidationError")
    assert "in from_pydantic" in told


def test_causes_are_told_first_and_in_the_same_way() -> None:
    def handled() -> None:
        try:
            from_pydantic()
        except ValueError as error:
            raise QueueUnavailableError("try again later") from error

    def in_passing() -> None:
        try:
            handled()
        except QueueUnavailableError:
            raise KeyError(SECRET)  # noqa: B904 -- that it comes in passing is the point

    told = places(raised(in_passing))
    assert SECRET not in told
    order = [told.index(name) for name in ("ValidationError", "QueueUnavailableError: try again later", "KeyError")]
    assert order == sorted(order)


def test_what_was_suppressed_is_not_told() -> None:
    def suppressed() -> None:
        try:
            from_pydantic()
        except ValueError:
            raise RuntimeError from None

    assert "ValidationError" not in places(raised(suppressed))


@pytest.mark.parametrize("function", [router, resize])
def test_no_function_repeats_what_its_bug_says(
    function: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_header: str | None) -> None:
        raise KeyError(SECRET)

    out = SimpleNamespace(tokens=SimpleNamespace(verify=broken))
    monkeypatch.setattr(function.wiring, "settings", lambda: SimpleNamespace(tl_disable_lam_router=False))
    monkeypatch.setattr(function.wiring, "adapters", lambda: out)
    path = "/infer" if function is router else "/resize"
    context = {"requestId": "r", "http": {"method": "POST", "path": path}}
    answer = function.lambda_handler({"rawPath": path, "headers": {}, "requestContext": context})
    logged = capsys.readouterr().out
    assert (answer["statusCode"], json.loads(answer["body"])) == (500, {"error": "internal"})
    assert SECRET not in logged
    assert "KeyError" in logged
    assert "in broken" in logged

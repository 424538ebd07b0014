"""What an engine says in an error is not ours to repeat: it may be the prompt, and our messages are logged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines import Answer
from tests.unit.test_engine import failing
from worker.engine_errors import failure

PROMPTS = ["hunter2", "my-secret.word", "a whole sentence", "4111111111111111", "two\nlines", "größe", "x" * 64]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("status", [400, 500, 503])
def test_an_engine_that_puts_the_prompt_into_every_field_is_not_repeated(prompt: str, status: int) -> None:
    fields = dict.fromkeys(("message", "type", "code", "param", "object"), prompt)
    for said in (fields, {"error": fields}, {"error": prompt}, {"detail": [{"input": prompt}]}, prompt, [prompt]):
        assert prompt not in str(failure(status, json.dumps(said).encode()))
    assert prompt not in str(failure(status, prompt.encode()))


@given(st.text(min_size=1))
def test_no_prompt_of_several_words_ever_passes_for_a_code(prompt: str) -> None:
    fields = {"type": f"{prompt} and more", "code": f"{prompt} and more"}
    assert str(failure(500, json.dumps({"error": fields}).encode())) == "the engine answered 500"


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("BadRequestError", 400, "type=BadRequestError code=400"),
        ("invalid_request_error", "model_not_found", "type=invalid_request_error code=model_not_found"),
        ("exceed_context_size_error", 400, "type=exceed_context_size_error code=400"),
        ("server_error", None, "type=server_error"),
        ("Not Found", "404", "code=404"),
    ],
)
def test_the_codes_that_engines_really_use_are_told(kind: str, code: object, said: str) -> None:
    body = json.dumps({"error": {"message": "…", "type": kind, "code": code}}).encode()
    assert str(failure(400, body)) == f"the engine answered 400 {said}"


DEEP = b'{"x":' * 50_000


async def test_an_answer_that_is_nested_too_deeply_is_an_engine_s_failure_and_no_crash() -> None:
    refused = await failing(Answer(500, DEEP))
    assert (refused.reason, str(refused)) == ("engine_refused", "the engine answered 500")
    garbage = await failing(Answer(200, b"data: %b\n\n" % DEEP))
    assert garbage.reason == "engine_garbage"
    assert "x" not in str(garbage).partition("(")[0]

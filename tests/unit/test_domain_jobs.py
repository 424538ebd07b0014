"""Which requests are valid, and how a job may live."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.errors import HTTP_STATUS, ApiError, ErrorCode
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.requests import PROMPT_MAX_BYTES, parse_infer


def refusal(body: str | bytes) -> dict[str, str]:
    """Field and code of everything that is wrong with a body."""
    with pytest.raises(ApiError) as caught:
        parse_infer(body)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert all(item["message"] for item in caught.value.details["fields"])
    return {item["field"]: item["code"] for item in caught.value.details["fields"]}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("", {"body": "json_invalid"}),
        ("not json", {"body": "json_invalid"}),
        ("[]", {"body": "model_type"}),
        ("null", {"body": "model_type"}),
        ("{}", {"prompt": "missing", "idle": "missing"}),
        ({"prompt": "", "idle": 5}, {"prompt": "string_too_short"}),
        ({"prompt": 5, "idle": 5}, {"prompt": "string_type"}),
        ({"prompt": None, "idle": 5}, {"prompt": "string_type"}),
        ({"prompt": "x" * 6_145, "idle": 5}, {"prompt": "prompt_too_long"}),
        ({"prompt": "ü" * 3_073, "idle": 5}, {"prompt": "prompt_too_long"}),
        ({"prompt": "🦙" * 1_537, "idle": 5}, {"prompt": "prompt_too_long"}),
        ({"prompt": "x", "idle": 0}, {"idle": "greater_than_equal"}),
        ({"prompt": "x", "idle": 31}, {"idle": "less_than_equal"}),
        ({"prompt": "x", "idle": "5"}, {"idle": "int_type"}),
        ({"prompt": "x", "idle": 5.5}, {"idle": "int_type"}),
        ({"prompt": "x", "idle": True}, {"idle": "int_type"}),
        ({"prompt": "x", "idle": 5, "model": "y"}, {"model": "extra_forbidden"}),
        ({"prompt": "", "idle": 99}, {"prompt": "string_too_short", "idle": "less_than_equal"}),
        ('{"prompt":"\\ud800","idle":5}', {"body": "json_invalid"}),
        (b'{"prompt":"\xff","idle":5}', {"body": "json_invalid"}),
    ],
)
def test_a_bad_body_is_refused_with_every_bad_field(body: Any, wrong: dict[str, str]) -> None:
    text = json.dumps(body) if isinstance(body, dict) else body
    assert refusal(text) == wrong


@given(st.text(min_size=1, max_size=2 * PROMPT_MAX_BYTES), st.integers(-5, 40))
def test_a_request_is_accepted_exactly_when_bytes_and_minutes_are_within_bounds(prompt: str, idle: int) -> None:
    fits = len(prompt.encode()) <= PROMPT_MAX_BYTES and 1 <= idle <= 30
    try:
        asked = parse_infer(json.dumps({"prompt": prompt, "idle": idle}))
    except ApiError:
        assert not fits
    else:
        assert fits
        assert (asked.prompt, asked.idle) == (prompt, idle)


def test_a_final_state_is_left_by_nothing() -> None:
    for status in JobStatus:
        assert status.final == (not any(status.may_become(other) for other in JobStatus))


@given(st.lists(st.sampled_from(JobStatus), max_size=20))
def test_every_life_of_a_job_ends_in_at_most_one_final_state(steps: list[JobStatus]) -> None:
    status, finals = JobStatus.QUEUED, 0
    for step in steps:
        if status.may_become(step):
            status = step
            finals += status.final
    assert finals <= 1


@given(st.builds(Job, st.text(), st.text(), st.integers(), st.text(), st.integers(), st.text()))
def test_a_job_comes_out_of_the_queue_as_it_went_in(job: Job) -> None:
    assert Job.from_json(job.to_json()) == job


@pytest.mark.parametrize("text", ["", "not json", "null", '{"id": "1"}', '{"id": "1", "color": "red"}'])
def test_what_is_no_job_is_not_taken_for_one(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        Job.from_json(text)


def test_an_owner_is_told_of_a_job_only_what_there_is_to_say() -> None:
    assert JobView(JobStatus.RUNNING, partial="Once").body == {"status": "running", "partial": "Once"}


def test_every_error_code_has_a_status() -> None:
    assert set(HTTP_STATUS) == set(ErrorCode)

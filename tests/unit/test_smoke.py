"""Smoke on paper: 90 s are usual, 120 s are allowed, and an empty or bad reply is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.smoke import Verdict, judge
from tinyllama.smoke import run

GOOD = b'{"id": "1", "text": "hello"}'


@given(st.floats(0, 500))
def test_the_verdict_follows_from_the_time(seconds: float) -> None:
    wanted = Verdict.PASSED if seconds < 90 else Verdict.SLOW if seconds <= 120 else Verdict.FAILED
    assert judge(GOOD, seconds).verdict is wanted


@pytest.mark.parametrize(
    "reply", [None, b"", b"no json", b"{}", b"[]", b'{"text": ""}', b'{"text": "x", "error": "e"}']
)
def test_a_bad_reply_fails_however_fast_it_came(reply: bytes | None) -> None:
    assert judge(reply, 1).verdict is Verdict.FAILED


class Answers:
    """A path whose reply is there from `at` on."""

    def __init__(self, at: float) -> None:
        self.now, self._at = 0.0, at

    def ask(self, prompt: str) -> str:
        assert prompt == "hello?"
        return "job-1"

    def reply(self, job_id: str) -> bytes | None:
        assert job_id == "job-1"
        return GOOD if self.now >= self._at else None

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("at", "verdict", "ends"),
    [(0, Verdict.PASSED, 0), (84, Verdict.PASSED, 85), (93, Verdict.SLOW, 95), (119, Verdict.SLOW, 120)],
)
def test_it_looks_every_five_seconds_until_the_reply_is_there(at: float, verdict: Verdict, ends: float) -> None:
    path = Answers(at)
    job, reply, outcome = run(path, "hello?", clock=lambda: path.now, sleep=path.sleep)
    assert (job, reply, outcome.verdict, outcome.seconds) == ("job-1", GOOD, verdict, ends)


def test_it_gives_up_at_120_seconds() -> None:
    path = Answers(121)
    _, reply, outcome = run(path, "hello?", clock=lambda: path.now, sleep=path.sleep)
    assert (reply, outcome.verdict, outcome.seconds) == (None, Verdict.FAILED, 120)

"""The judge notices every way in which a promise can be broken; otherwise its silence would mean nothing."""

from dataclasses import replace
from typing import Any

import pytest

from tests import factories
from tests.chaos.engine import text_of
from tests.chaos.judge import judge
from tests.chaos.plan import Errand, Size, draw
from tests.chaos.record import Story
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.domain.replies import Reply
from tinyllama.ports import CancelCode

ERRAND = Errand(0, 1, factories.ALICE, "errand 1 write 0", None, short_lived=False)
TEXT = text_of(ERRAND.prompt) + " by 1, 1"
DONE = JobView(status=JobStatus.DONE, text=TEXT)
CANCELLED, EXPIRED = JobView(status=JobStatus.CANCELLED), JobView(status=JobStatus.EXPIRED)


def story(**fields: Any) -> Story:
    """A job that went well."""
    asked = factories.job(prompt=ERRAND.prompt)
    return replace(Story(ERRAND, asked, accepted=True, first=DONE, last=DONE), **fields)


def reply(of: Story, text: str = TEXT, error: str | None = None) -> Reply:
    return factories.reply(of.job.id, text).model_copy(update={"error": error})


def broken(told: Story, *replies: Reply) -> list[str]:
    return [violation.promise for violation in judge([told], {told.job.id: list(replies)})]


def test_a_job_that_went_well_breaks_no_promise() -> None:
    told = story()
    assert broken(told, reply(told)) == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"last": None}, "lost"),
        ({"first": None, "last": JobView(status=JobStatus.RUNNING)}, "never ended"),
        ({"first": None, "last": JobView(status=JobStatus.QUEUED)}, "never ended"),
        ({"first": CANCELLED, "cancel": CancelCode.CANCELLED}, "ended twice"),
        ({"first": JobView(status=JobStatus.DONE, text="another")}, "ended twice"),
        ({"cancel": CancelCode.CANCELLED}, "told that it is cancelled"),
        ({"first": CANCELLED, "last": CANCELLED}, "nobody cancelled it"),
        ({"first": EXPIRED, "last": EXPIRED}, "minutes before its time"),
        ({"strangers": 1}, "somebody else"),
        ({"accepted": False}, "refused"),
        ({"last": JobView(status=JobStatus.DONE, text="other"), "first": None}, "its state says"),
        ({"last": JobView(status=JobStatus.FAILED, error="worker_died"), "first": None}, "its state says"),
    ],
)
def test_each_broken_promise_is_noticed(fields: dict[str, Any], says: str) -> None:
    told = story(**fields)
    assert any(says in promise for promise in broken(told, reply(told)))


def test_a_job_that_was_to_expire_may() -> None:
    told = story(errand=replace(ERRAND, short_lived=True), first=EXPIRED, last=EXPIRED)
    assert broken(told) == []


def test_a_second_reply_and_a_missing_one_and_somebody_else_s_are_noticed() -> None:
    told = story()
    assert broken(told, reply(told), reply(told)) == ["it has 2 replies"]
    assert broken(told) == ["it is done, and has no reply object"]
    other = JobView(status=JobStatus.DONE, text="reply to <errand 2 write 0>")
    wrong = story(first=other, last=other)
    assert any("something else" in promise for promise in broken(wrong, reply(wrong, other.text or "")))


def test_what_a_queue_forgot_is_excused_and_two_replies_are_not() -> None:
    told = story(last=None, forgotten=True)
    assert broken(told, reply(told)) == []
    assert broken(told, reply(told), reply(told)) == ["it has 2 replies"]


def test_a_job_of_which_nobody_knows_whether_it_was_accepted_may_be_there_or_not() -> None:
    absent, there = story(accepted=None, first=None, last=None), story(accepted=None)
    assert broken(absent) == []
    assert broken(there, reply(there)) == []


def test_a_seed_always_draws_the_same_plan() -> None:
    assert draw(7, Size()) == draw(7, Size())
    assert draw(7, Size()) != draw(8, Size())

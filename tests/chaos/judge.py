"""What must be true of every job when the storm is over, which is sooner than a job that is not short-lived expires."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.chaos.engine import text_of
from tests.chaos.record import Story
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.replies import Reply
from tinyllama.ports import CancelCode


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise, and whose."""

    story: Story
    promise: str


def judge(stories: Iterable[Story], replies: Mapping[str, list[Reply]]) -> list[Violation]:
    """Every broken promise. `replies` holds each version that a job's reply object ever had."""
    return [Violation(story, promise) for story in stories for promise in _broken(story, replies.get(story.job.id, []))]


def _broken(story: Story, versions: list[Reply]) -> Iterable[str]:
    if len(versions) > 1:
        yield f"it has {len(versions)} replies"
    if story.strangers:
        yield f"{story.strangers} times somebody else saw or cancelled it"
    if story.accepted is False or (story.accepted is None and story.last is None):
        if story.last:
            yield f"it was refused, and is {story.last.status}"
        return
    if story.last is None:
        if not story.forgotten:
            yield "it is lost: its owner is told that there is none"
        return
    if not story.last.status.final:
        yield f"it never ended: it is {story.last.status}"
        return
    if story.first and not story.forgotten and story.first != story.last:
        yield f"it ended twice: {story.first.status}, then {story.last.status}, or with another text"
    if story.last.status is JobStatus.EXPIRED and not story.errand.short_lived:
        yield "it expired, minutes before its time"
    yield from _cancelled(story, story.last.status)
    yield from _reply(story, versions)


def _cancelled(story: Story, status: JobStatus) -> Iterable[str]:
    if story.cancel is CancelCode.CANCELLED and status is not JobStatus.CANCELLED and not story.forgotten:
        yield f"its owner was told that it is cancelled, and it is {status}"
    if status is JobStatus.CANCELLED and story.cancel is not CancelCode.CANCELLED and not story.cancel_unanswered:
        yield "it is cancelled, and nobody cancelled it"


def _reply(story: Story, versions: list[Reply]) -> Iterable[str]:
    view = story.last
    if view is None or view.status not in {JobStatus.DONE, JobStatus.FAILED}:
        return
    if not versions:
        yield f"it is {view.status}, and has no reply object"
        return
    reply = versions[-1]
    if (reply.text, reply.error) != (view.text or "", view.error):
        yield f"its state says {view.text!r} {view.error!r}, its reply object {reply.text!r} {reply.error!r}"
    if view.status is JobStatus.DONE and not reply.text.startswith(text_of(story.job.prompt)):
        yield f"it got the reply to something else: {reply.text!r}"

"""The one place where `StrictScheduler` is hung into moto, and taken out again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.scheduler.exceptions import ScheduleExists, ScheduleGroupNotFound
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule
from moto.scheduler.responses import EventBridgeSchedulerResponse

from local.aws.core.seam import replaced
from local.aws.scheduler.firing import StrictScheduler


class _ScheduleConflictError(JsonRESTError):
    code = 409  # moto answers 400

    def __init__(self, name: str) -> None:
        super().__init__("ConflictException", f"Schedule {name} already exists.")


@contextmanager
def installed(strict: StrictScheduler) -> Iterator[None]:
    """Make moto's scheduler strict for as long as the context lasts."""
    seams = (
        (EventBridgeSchedulerBackend, "create_schedule", _created(strict)),
        (EventBridgeSchedulerBackend, "update_schedule", _updated(strict)),
        (EventBridgeSchedulerResponse, "update_schedule", _replaced_whole(strict)),
    )
    with ExitStack() as undo:
        for owner, name, method in seams:
            undo.enter_context(replaced(owner, name, method))
        yield


def _created(strict: StrictScheduler) -> Callable[..., Schedule]:
    original = EventBridgeSchedulerBackend.create_schedule

    def create(backend: EventBridgeSchedulerBackend, **schedule: Any) -> Schedule:
        group = schedule["group_name"] or "default"
        if group not in backend.schedule_groups:  # moto: an internal error
            raise ScheduleGroupNotFound(group)
        with strict.lock:
            strict.check(backend, schedule)
            try:
                return original(backend, **schedule)
            except ScheduleExists as error:
                raise _ScheduleConflictError(schedule["name"]) from error

    return create


def _updated(strict: StrictScheduler) -> Callable[..., Schedule]:
    original = EventBridgeSchedulerBackend.update_schedule

    def update(backend: EventBridgeSchedulerBackend, **schedule: Any) -> Schedule:
        with strict.lock:
            backend.get_schedule(schedule["group_name"], schedule["name"])
            strict.check(backend, schedule)
            return original(backend, **{**schedule, "state": schedule["state"] or "ENABLED"})

    return update


def _replaced_whole(strict: StrictScheduler) -> Callable[..., str]:
    original = EventBridgeSchedulerResponse.update_schedule

    def update(response: Any) -> str:
        """An update replaces all of a schedule; moto keeps the old ActionAfterCompletion whatever is asked for."""
        with strict.lock:
            answer: str = original(response)
            name = response.uri.split("?")[0].split("/")[-1]
            schedule = response.scheduler_backend.get_schedule(response._get_param("GroupName"), name)  # noqa: SLF001
            schedule.action_after_completion = response._get_param("ActionAfterCompletion") or "NONE"  # noqa: SLF001
            return answer

    return update

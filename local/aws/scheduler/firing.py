"""EventBridge Scheduler that fires: one-shot schedules call their universal target when they are due.

moto keeps schedules and does nothing with them. Here they are made strict (`schedules.check`) and are executed, by a
ticker thread, as the role's own call to this very endpoint, so that it is recorded and can be made to fail like any
other. Recurring schedules and targets of other kinds are kept but never fire. A call that fails is not tried again.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from botocore.exceptions import BotoCoreError, ClientError
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule, scheduler_backends

from local.aws.core.clock import Clock, system_clock
from local.aws.scheduler.schedules import InvalidScheduleError, check, due_at, universal_target

_log = logging.getLogger(__name__)
_IDLE_S = 1.0

Invoke = Callable[[str, str, dict[str, Any], str], None]
"""Makes an AWS call: service, operation, parameters, region. Raises what botocore raises."""


@dataclass(frozen=True)
class _Due:
    backend: EventBridgeSchedulerBackend
    schedule: Schedule
    at: datetime
    version: tuple[str, float]


class StrictScheduler:
    """Every one-shot schedule, over time; `invoke` carries out what is due by the clock."""

    def __init__(self, invoke: Invoke, clock: Clock = system_clock) -> None:
        """Nothing is checked until the seam is installed, and nothing fires before `run` or `tick`."""
        self.lock = threading.RLock()
        self._invoke, self._clock = invoke, clock
        self._fired: WeakKeyDictionary[Schedule, tuple[str, float]] = WeakKeyDictionary()

    def check(self, backend: EventBridgeSchedulerBackend, schedule: dict[str, Any]) -> None:
        """Raise ValidationException for what AWS refuses."""
        role = (schedule["target"] or {}).get("RoleArn", "")
        try:
            trust = iam_backends[backend.account_id]["aws"].get_role_by_arn(role).assume_role_policy_document
        except NotFoundException:
            trust = None
        try:
            check(schedule, trust=trust, now=self._clock())
        except InvalidScheduleError as error:
            raise ValidationException(str(error)) from error

    def tick(self) -> None:
        """Fire whatever is due, each schedule once."""
        with self.lock:
            due = [one for one in self._waiting() if one.at <= self._clock()]
            self._fired.update({one.schedule: one.version for one in due})
        for one in sorted(due, key=lambda one: one.at):
            self._fire(one)
            with self.lock:  # it may have been put off in the meantime
                if one.schedule.action_after_completion == "DELETE" and _version(one.schedule) == one.version:
                    one.backend.schedule_groups[one.schedule.group_name].schedules.pop(one.schedule.name, None)

    def run(self, stopped: threading.Event) -> None:
        """Tick until told to stop."""
        while not stopped.wait(self._pause()):
            self.tick()

    def _pause(self) -> float:
        with self.lock:
            waits = ((one.at - self._clock()).total_seconds() for one in self._waiting())
            return max(0.01, min(_IDLE_S, *waits, _IDLE_S))

    def _waiting(self) -> Iterator[_Due]:
        backends = [backend for account in list(scheduler_backends.values()) for backend in list(account.values())]
        for backend in backends:
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    at = due_at(schedule.schedule_expression, schedule.schedule_expression_timezone)
                    if at is None or schedule.state == "DISABLED":
                        continue
                    if self._fired.get(schedule) != _version(schedule):
                        yield _Due(backend, schedule, at.astimezone(UTC), _version(schedule))

    def _fire(self, one: _Due) -> None:
        target = one.schedule.target
        call = universal_target(target["Arn"])
        if call is None:
            _log.warning("%s is due, but only universal targets are executed here", one.schedule.arn)
            return
        try:
            self._invoke(*call, json.loads(target.get("Input", "{}")), one.backend.region_name)
        except (BotoCoreError, ClientError) as error:
            _log.warning("%s could not do %s: %s", one.schedule.arn, call, error)


def _version(schedule: Schedule) -> tuple[str, float]:
    """Changes with every update, so that a schedule that was put off can fire again."""
    return (schedule.schedule_expression, schedule.last_modified_date)

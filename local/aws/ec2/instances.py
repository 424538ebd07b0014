"""EC2 instances that change state over time and refuse what AWS refuses.

`StrictEc2` owns the state machine; `seam.installed` hangs it into moto. Transitions are made when they are due by
the injected clock: on every read, and by a ticker thread so that events also fire when nobody looks.
"""

import copy
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance, InstanceState, StateReason

from local.aws.core.clock import Clock, Delays, system_clock
from local.aws.ec2.events import Event, Subscriber, state_change
from local.aws.ec2.lifecycle import Action, IncorrectInstanceStateError, State, check_modifiable, state_after

_log = logging.getLogger(__name__)
_IDLE_S = 1.0
_terminate_in_moto = Instance.terminate  # captured at import, before the seam replaces it
_BY_USER = ("Client.UserInitiatedShutdown: User initiated shutdown", "Client.UserInitiatedShutdown")


@dataclass(frozen=True)
class _Due:
    instance: Instance
    becomes: State
    at: datetime


class StrictEc2:
    """The state of every instance over time.

    `subscribers` are called, in order and outside all locks, with one EventBridge event per state change
    ("EC2 Instance State-change Notification"); append to the list to subscribe. `delays` may be replaced at any time
    and count for transitions that begin afterwards.
    """

    def __init__(self, clock: Clock = system_clock, delays: Delays | None = None) -> None:
        """Start with no instances; nothing changes in moto until the seam is installed."""
        self.lock = threading.RLock()
        self.delays = delays or Delays()
        self.subscribers: list[Subscriber] = []
        self._clock = clock
        self._due: dict[str, _Due] = {}
        self._settling = False
        self._never_ran: set[str] = set()
        self._outbox: deque[Event] = deque()
        self._delivering = threading.Lock()
        self._wake = threading.Event()

    def launched(self, instances: Sequence[Instance]) -> None:
        """Put instances that moto has just made (as `running`) into `pending`."""
        with self.lock:
            for instance in instances:
                self._never_ran.add(instance.id)
                self._enter(instance, State.PENDING, self._clock())

    def check(self, action: Action, instances: Sequence[Instance]) -> None:
        """Raise IncorrectInstanceState if any of the instances would refuse: EC2 does all of them or none."""
        with self.lock:
            for instance in instances:
                self._after(action, instance)

    def begin(self, action: Action, instance: Instance) -> InstanceState:
        """Let the action begin, and return the state before it, as moto's own methods do."""
        with self.lock:
            previous = copy.copy(instance.instance_state)
            becomes = self._after(action, instance)
            if becomes != previous.name:
                self._enter(instance, becomes, self._clock())
            return previous

    def check_modifiable(self, instance: Instance) -> None:
        """Raise IncorrectInstanceState unless the instance is `stopped`."""
        try:
            check_modifiable(State(instance.state), instance.id)
        except IncorrectInstanceStateError as error:
            raise EC2ClientError("IncorrectInstanceState", str(error)) from error

    def settle(self) -> None:
        """Make every transition that is due, oldest first."""
        with self.lock:
            if self._settling:  # moto reads instances, which settles, in the middle of a termination
                return
            self._settling = True
            try:
                while due := self._take_due(self._clock()):
                    if _exists(due.instance):  # or else moto was reset meanwhile
                        self._enter(due.instance, due.becomes, due.at)
            finally:
                self._settling = False

    def tick(self) -> None:
        """Settle, then hand the events so far to the subscribers."""
        self.settle()
        with self._delivering:  # one at a time, or two callers could hand events over in the wrong order
            while self._outbox:
                event = self._outbox.popleft()
                for subscriber in list(self.subscribers):
                    try:
                        subscriber(event)
                    except Exception:  # noqa: BLE001 - a broken subscriber must not stop time for all instances
                        _log.exception("a subscriber failed on %s", event["detail"])

    def run(self, stopped: threading.Event) -> None:
        """Tick whenever something is due, until `stopped` is set and `wake` was called."""
        while not stopped.is_set():
            self.tick()
            self._wake.wait(self._pause())
            self._wake.clear()  # before looking again: cleared any later, a call for attention could be lost

    def wake(self) -> None:
        """Make `run` look again now."""
        self._wake.set()

    def _take_due(self, now: datetime) -> _Due | None:
        due = min(self._due.values(), key=lambda due: due.at, default=None)
        return self._due.pop(due.instance.id) if due and due.at <= now else None

    def _pause(self) -> float:
        with self.lock:
            next_at = min((due.at for due in self._due.values()), default=None)
        if next_at is None:
            return _IDLE_S
        return min(_IDLE_S, max(0.0, (next_at - self._clock()).total_seconds()))

    def _after(self, action: Action, instance: Instance) -> State:
        booted = instance.id not in self._never_ran
        try:
            return state_after(action, State(instance.state), instance.id, booted=booted)
        except IncorrectInstanceStateError as error:
            raise EC2ClientError("IncorrectInstanceState", str(error)) from error

    def _enter(self, instance: Instance, state: State, at: datetime) -> None:
        reasons = (instance._reason, instance.state_reason)  # noqa: SLF001 - moto has no setter
        _ENTERING[state](instance, at)
        if state.then is None:  # the reason given when the change began stays, whatever moto puts there
            instance._reason, instance.state_reason = reasons  # noqa: SLF001
        instance.instance_state.name, instance.instance_state.code = state.value, state.code
        self._due.pop(instance.id, None)
        if state is State.RUNNING:
            self._never_ran.discard(instance.id)
        if state.then:
            wait_s = self.delays.boot_s if state is State.PENDING else self.delays.stop_s
            self._due[instance.id] = _Due(instance, state.then, at + timedelta(seconds=wait_s))
        self._outbox.append(state_change(instance, state, at))
        self._wake.set()


def instance_types(instance_ids: Sequence[str]) -> list[str]:
    """Return the types of those of the instances that exist, in any account and region."""
    backends = [backend for account in ec2_backends.values() for backend in account.values()]
    found = (backend.get_instance_by_id(instance_id) for instance_id in instance_ids for backend in backends)
    return [instance.instance_type for instance in found if instance is not None]


def _exists(instance: Instance) -> bool:
    reservations = instance.ec2_backend.reservations.values()
    return any(instance is other for reservation in reservations for other in reservation.instances)


def _power_on(instance: Instance, at: datetime) -> None:
    instance.launch_time = at.astimezone(UTC).replace(tzinfo=None)  # moto's times are naive UTC
    instance._reason, instance.state_reason = "", StateReason()  # noqa: SLF001
    for nic in instance.nics.values():
        nic.start()  # a public address is assigned anew at each start


def _by_user(instance: Instance, at: datetime) -> None:
    instance._reason = f"User initiated ({at.astimezone(UTC):%Y-%m-%d %H:%M:%S} GMT)"  # noqa: SLF001
    instance.state_reason = StateReason(*_BY_USER)


def _power_off(instance: Instance, _at: datetime) -> None:
    for nic in instance.nics.values():
        nic.stop()  # AWS takes the auto-assigned public address back


def _nothing(_instance: Instance, _at: datetime) -> None:
    pass


def _gone(instance: Instance, _at: datetime) -> None:
    _terminate_in_moto(instance)


_ENTERING: dict[State, Callable[[Instance, datetime], None]] = {
    State.PENDING: _power_on,
    State.RUNNING: _nothing,
    State.STOPPING: _by_user,
    State.STOPPED: _power_off,
    State.SHUTTING_DOWN: _by_user,
    State.TERMINATED: _gone,
}

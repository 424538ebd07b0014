"""What EC2 allows an instance to do in each state: pure rules, without moto and without time.

Source: the instance life cycle in the EC2 user guide, and the error texts that EC2 answers. It deliberately shares
nothing with `tinyllama.domain`: a simulator that borrows the rules of the code under test proves nothing.
"""

from enum import StrEnum


class State(StrEnum):
    """An instance state as EC2 spells it."""

    PENDING = "pending"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"
    STOPPING = "stopping"
    STOPPED = "stopped"

    @property
    def code(self) -> int:
        """The number that EC2 gives along with the name."""
        return _CODES[self]

    @property
    def then(self) -> "State | None":
        """The state that follows by itself, or None where an instance can rest."""
        return _FOLLOWS.get(self)


class Action(StrEnum):
    """Something that a caller asks of an instance; the value is the participle used in EC2's refusals."""

    START = "started"
    STOP = "stopped"
    TERMINATE = "terminated"
    REBOOT = "rebooted"


class IncorrectInstanceStateError(Exception):
    """The instance cannot do that in its present state; the text is EC2's message."""


_CODES = {
    State.PENDING: 0,
    State.RUNNING: 16,
    State.SHUTTING_DOWN: 32,
    State.TERMINATED: 48,
    State.STOPPING: 64,
    State.STOPPED: 80,
}
_FOLLOWS = {
    State.PENDING: State.RUNNING,
    State.STOPPING: State.STOPPED,
    State.SHUTTING_DOWN: State.TERMINATED,
}
# A state that maps to itself means success without effect; a state that is not listed means refusal.
_ALLOWED: dict[Action, dict[State, State]] = {
    Action.START: {
        State.STOPPED: State.PENDING,
        State.PENDING: State.PENDING,
        State.RUNNING: State.RUNNING,
    },
    # EC2 surely refuses to stop an instance that never ran. Whether a later boot can be interrupted depends on the
    # moment; refusing it always is the stricter reading, and callers have to cope with it anyway.
    Action.STOP: {
        State.RUNNING: State.STOPPING,
        State.STOPPING: State.STOPPING,
        State.STOPPED: State.STOPPED,
    },
    Action.TERMINATE: {
        State.PENDING: State.SHUTTING_DOWN,
        State.RUNNING: State.SHUTTING_DOWN,
        State.STOPPING: State.SHUTTING_DOWN,
        State.STOPPED: State.SHUTTING_DOWN,
        State.SHUTTING_DOWN: State.SHUTTING_DOWN,
        State.TERMINATED: State.TERMINATED,
    },
    Action.REBOOT: {State.RUNNING: State.RUNNING},
}


def state_after(action: Action, state: State, instance_id: str, *, booted: bool = True) -> State:
    """Return the state that the action puts an instance into; the same state means that nothing happens.

    `booted` is False until the instance has been `running` for the first time; it only changes the message.
    Raises IncorrectInstanceStateError where EC2 refuses.
    """
    try:
        return _ALLOWED[action][state]
    except KeyError:
        pass
    if action is Action.STOP and state is State.PENDING and not booted:
        message = f"Instance '{instance_id}' cannot be stopped as it has never reached the 'running' state."
    else:
        message = f"The instance '{instance_id}' is not in a state from which it can be {action}."
    raise IncorrectInstanceStateError(message)


def check_modifiable(state: State, instance_id: str) -> None:
    """Raise IncorrectInstanceStateError unless the instance is `stopped`."""
    if state is not State.STOPPED:
        raise IncorrectInstanceStateError(f"The instance '{instance_id}' is not in the 'stopped' state.")

"""Having the Redis cluster, or being rid of it: look, plan, act, wait, and see whether it works."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.queue_cluster import Cluster, ClusterError, ClusterState, ClusterStep, plan

_SMOKE_S = 10


class Control(Protocol):
    """ElastiCache, as far as the cluster needs it. Every method raises `ClusterError`."""

    def look(self) -> Cluster:
        """As it is now."""

    def firewall(self) -> str:
        """The security group that it has to be in."""

    def check_groups(self) -> None:
        """Refuse to go on without its other groups."""

    def create(self, firewall: str) -> None:
        """Create it."""

    def delete(self) -> None:
        """Delete it."""


class Redis(Protocol):
    """A connection to the cluster."""

    def ask(self, *words: str | int) -> Any:
        """Send a command and return the answer. Raises `QueueUnavailableError`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a wait may take, and between two looks; and what time is."""

    timeout_s: float = 900.0
    poll_s: float = 5.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    tell: Callable[[str], object] = lambda _message: None


def prepare(control: Control, wanted: ClusterState) -> tuple[Cluster, Sequence[ClusterStep]]:
    """Look and plan; what Terraform has to make first is missed before anything is touched. Raises `ClusterError`."""
    now = control.look()
    steps = plan(now.state, wanted)
    if any(step.action == "create" for step in steps):
        control.check_groups()
        control.firewall()
    return now, steps


def carry_out(control: Control, steps: Sequence[ClusterStep], patience: Patience) -> Cluster:
    """Take the steps; returns what there is then. Raises `ClusterError`, with `touched` set once a call was made."""
    touched = False
    try:
        for step in steps:
            patience.tell(f"{step.action} {step.target} ({step.reason})")
            match step.action:
                case "create":
                    firewall, touched = control.firewall(), True
                    control.create(firewall)
                case "delete":
                    touched = True
                    control.delete()
                case _:
                    _wait(control, step.target, patience)
        return control.look()
    except ClusterError as error:
        raise ClusterError(
            f"{error} Running the same command again goes on.", code=error.code, touched=touched
        ) from error


def _wait(control: Control, target: ClusterState, patience: Patience) -> None:
    end, seen = patience.clock() + patience.timeout_s, None
    while (now := control.look().state) is not target:
        if now is not seen:
            patience.tell(f"waiting for {target}: {now}")
        seen = now
        if now is ClusterState.CREATE_FAILED or (target is ClusterState.AVAILABLE and now is ClusterState.ABSENT):
            raise ClusterError(f"The cluster is {now}, where {target} cannot follow any more.")
        if patience.clock() >= end:
            raise ClusterError(f"The cluster is still {now} after {patience.timeout_s:.0f} s.")
        patience.sleep(patience.poll_s)


def waiting_jobs(redis: Redis) -> int | None:
    """Jobs that would be forgotten; None when the cluster cannot be reached from here."""
    try:
        return int(redis.ask("XLEN", "jobs"))
    except QueueUnavailableError:
        return None


def smoke(redis: Redis) -> str | None:
    """`PING`, and a key with a life; what is wrong, or None. Raises `QueueUnavailableError` when out of reach."""
    pong = _text(redis.ask("PING"))
    if pong != "PONG":
        return f"PING was answered with {pong!r}"
    key = f"smoke:{uuid.uuid4()}"
    redis.ask("SET", key, "1", "EX", _SMOKE_S)
    left = int(redis.ask("TTL", key))
    redis.ask("DEL", key)
    return None if 0 < left <= _SMOKE_S else f"a key that should live for {_SMOKE_S} s has {left} s left"


def _text(answer: Any) -> str:
    return answer.decode() if isinstance(answer, bytes) else str(answer)

"""The GPU node: its states, when to wake it, and when to put it to sleep."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

NODE_TAGS = {"Project": "tinyllama", "Role": "gpu-node"}
"""The tags that make an EC2 instance ours."""
DEFAULT_IDLE_S = 300
"""Seconds without work after which the watchdog stops the node, unless the last job asked otherwise."""


class NodeState(StrEnum):
    """EC2 instance states (`InstanceState.Name` of the EC2 API)."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Node:
    """One EC2 instance tagged as ours. `launched_at` is the last start, in seconds since the epoch.

    `stopped_at` is when it was last told to stop, of a node that is stopped; None when EC2 does not say. It does not of
    one that `stopped_itself`: that was turned off from within, by its last guard or by somebody on it.
    """

    id: str
    state: NodeState
    instance_type: str
    launched_at: float = 0.0
    stopped_at: float | None = None
    stopped_itself: bool = False


class WakeAction(StrEnum):
    """What to do about the node when somebody wants an answer."""

    NONE = "none"
    WAIT = "wait"
    START = "start"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class WakeDecision:
    """An action, why, and the node it is about."""

    action: WakeAction
    reason: str
    node: Node | None = None


# Which of several instances to rely on: the one closest to serving.
_WAKE_ORDER = {
    NodeState.RUNNING: (WakeAction.WAIT, "node_loading"),
    NodeState.PENDING: (WakeAction.WAIT, "node_booting"),
    NodeState.STOPPED: (WakeAction.START, "cold_boot"),
    # EC2 refuses to start an instance that is still stopping: the next poll finds it stopped and starts it.
    NodeState.STOPPING: (WakeAction.WAIT, "node_stopping"),
}


def decide_wake(nodes: Sequence[Node], *, worker_ready: bool) -> WakeDecision:
    """Decide whether to start a node, given all instances tagged as ours.

    At most one node is ever started, and always the same one of several, so that two callers who
    decide at the same moment start the same instance (EC2 makes the second call a no-op).
    """
    if worker_ready:
        return WakeDecision(WakeAction.NONE, "worker_ready")
    for state, (action, reason) in _WAKE_ORDER.items():
        candidates = sorted((node for node in nodes if node.state is state), key=lambda node: node.id)
        if candidates:
            return WakeDecision(action, reason, candidates[0])
    return WakeDecision(WakeAction.REFUSE, "no_node")


def remaining_eta_s(node: Node | None, *, boot_s: float, now: float) -> int:
    """Seconds until the node will probably serve: the usual boot time less what has passed, at least 1."""
    booting = node is not None and node.state in {NodeState.PENDING, NodeState.RUNNING}
    elapsed = now - node.launched_at if node is not None and booting else 0.0
    return max(1, round(boot_s - max(0.0, elapsed)))


@dataclass(frozen=True, slots=True)
class Activity:
    """The last sign of use: when (seconds since the epoch), and how long the node should stay awake after it."""

    at: float
    idle_s: float


@dataclass(frozen=True, slots=True)
class StopDecision:
    """Whether the idle window has passed, why, and for how many seconds nothing has happened."""

    stop: bool
    reason: str
    idle_s: float


def decide_stop(*, now: float, booted_at: float, last: Activity | None, default_idle_s: float) -> StopDecision:
    """Decide whether the node has been idle for long enough to be stopped.

    Before the first job the idle time counts from boot, and the window is the default: an activity of an
    earlier boot (the file outlives a stop) says nothing of this one. Nor is one in the future trusted (a
    clock that jumped back), or it would keep the node awake for as long as the jump was.
    """
    trusted = last if last is not None and booted_at <= last.at <= now else None
    since, window = (trusted.at, trusted.idle_s) if trusted else (booted_at, default_idle_s)
    idle = max(0.0, now - since)
    if idle > window:
        return StopDecision(stop=True, reason="idle", idle_s=idle)
    return StopDecision(stop=False, reason="recently_used" if trusted else "recently_booted", idle_s=idle)

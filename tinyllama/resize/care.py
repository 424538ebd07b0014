"""What a stop and a start owe to others: jobs are let finish, nothing starts unleased, a cut-off run is known."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tinyllama.domain.errors import NodeError, QueueUnavailableError
from tinyllama.domain.resize import Unfinished

if TYPE_CHECKING:
    from tinyllama.ports import DrainGate

BUSY = "Busy"
"""Code of a drain that took too long."""


class Journal(Protocol):
    """Remembers, outside of this process, what is being done to a node."""

    def unfinished(self, node_id: str) -> Unfinished | None:
        """The run that was cut off, if one was."""

    def begin(self, node_id: str, run: Unfinished) -> None:
        """Remember, before anything is touched."""

    def end(self, node_id: str) -> None:
        """Forget: the node is as wanted, or as it was."""


def _no_lease(node_id: str) -> None:
    """For nodes that cost nothing."""


def _no_queue() -> "DrainGate | None":
    """Where jobs do not matter."""
    return None


@dataclass(slots=True)
class Care:
    """`lease` grants a lease to a node, or raises `NodeError`; `gate` is the queue's, None when it is not known where.

    With `force`, jobs are not waited for. `warnings` is what a person should know although nothing failed.
    """

    lease: Callable[[str], object] = _no_lease
    gate: "Callable[[], DrainGate | None]" = _no_queue
    force: bool = False
    drain_s: float = 300.0
    warnings: list[str] = field(default_factory=list)
    closed: bool = False

    def try_to_drain(self) -> bool:
        """Close the queue's door if nobody's job is queued or in flight; true when a stop may follow."""
        try:
            gate = self.gate()
            if gate is None:
                self._warn("Not drained: nothing says where the queue is (TL_QUEUE and its address, or SSM)")
                return True
            self.closed = gate.close()
        except QueueUnavailableError as error:
            self._warn(f"Not drained: the queue does not answer ({error})")
            return True
        if not self.closed and self.force:
            self._warn("Jobs were queued or in flight. Those in flight are interrupted")
        return self.closed or self.force

    def _warn(self, what: str) -> None:
        self.warnings.append(
            f"{what}; a job that is not claimed again within 5 minutes is lost, and its user has to send it again."
        )

    def too_busy(self) -> NodeError:
        """The failure of a drain that had to be given up."""
        return NodeError(BUSY, f"jobs were still queued or in flight after {self.drain_s:.0f} s")

    def reopen(self) -> None:
        """Open the door again if we closed it: the node is back. Not worth a failure, since it opens by itself."""
        gate = self.gate() if self.closed else None
        if gate is None:
            return
        try:
            gate.open()
        except QueueUnavailableError as error:
            self.warnings.append(f"The queue's door opens by itself within 2 minutes; not by us: {error}")
        self.closed = False

"""What whoever changes a node needs: EC2, somebody who stops it in any case, and documents that resize it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what a port speaks of is imported by who has it: a cold start pays for every module
    from tinyllama.domain.automation import Execution, ExecutionSummary
    from tinyllama.domain.node import Node
    from tinyllama.domain.resize import NodeFacts


class NodeControl(Protocol):
    """EC2, as far as our nodes need it. Every method raises `NodeError` with the AWS code."""

    def nodes(self) -> Sequence[Node]:
        """All instances with our tags, terminated ones too."""

    def start(self, node_id: str) -> bool:
        """Start the node; false when it had been started already."""

    def stop(self, node_id: str) -> None:
        """Stop the node; a no-op when it is stopped or stopping."""

    def set_type(self, node_id: str, instance_type: str) -> None:
        """Change the instance type of a stopped node."""


class NodeShapes(Protocol):
    """What decides whether a node can take another type. Every method raises `NodeError` with the AWS code."""

    def facts(self, node_id: str) -> NodeFacts:
        """Look the node up."""

    def architectures(self, instance_type: str) -> frozenset[str]:
        """The CPU architectures of an instance type; `InvalidInstanceType` when the region has no such type."""

    def offered(self, instance_type: str, zone: str) -> bool:
        """Whether the availability zone has the instance type at all."""


class Leases(Protocol):
    """Who stops a node when nobody of ours can: outside the node, and outside our functions.

    A node has at most one lease. It outlives a stop, which does no harm: what it will stop is stopped, or runs
    under the lease that replaced it. Every method raises `LeaseError`.
    """

    def grant(self, node_id: str, until: int) -> None:
        """Have the node stopped at `until` (seconds since the epoch), instead of whenever it was to be before."""

    def ends_at(self, node_id: str) -> int | None:
        """When the node will be stopped, in seconds since the epoch; None when it has no lease."""


class Automation(Protocol):
    """Automation documents of Systems Manager. Every method raises `AutomationError` with the AWS code."""

    def start(self, document: str, parameters: Mapping[str, str], token: str) -> str:
        """Start an execution, and return its id; an empty parameter is left to its default.

        The same `token` (a UUID) starts one execution, however often it is sent; with other parameters it is refused.
        """

    def execution(self, execution_id: str) -> Execution | None:
        """The execution with its steps; None when there is none with that id."""

    def recent(self, document: str) -> Sequence[ExecutionSummary]:
        """The last executions of a document, newest first."""

    def stop(self, execution_id: str) -> None:
        """Cancel an execution; the step under way ends, nothing is put back."""


class BootTimes(Protocol):
    """How long recent cold boots took. Every method raises `QueueUnavailableError` when the queue is away.

    The first worker that is ready afterwards (`Dispatch.announce`) ends the measurement.
    """

    def begin(self) -> None:
        """Note that a node has just been started."""

    def recent(self) -> Sequence[float]:
        """The last boots, in seconds from the start to a ready worker; implausible ones are left out."""


class ShapedNodes(NodeControl, NodeShapes, Protocol):
    """Nodes that can be resized."""

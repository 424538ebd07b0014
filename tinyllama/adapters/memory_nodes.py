"""Nodes in memory: EC2's rules and EC2's time, without EC2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.resize import NodeFacts

_FACTS = NodeFacts("tinyllama-gpu", "123456789012", "eu-central-1", "eu-central-1a", "x86_64")
_TYPES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("t3.small", "t3.medium", "g4dn.xlarge", "g4dn.2xlarge", "g5.xlarge"), frozenset({"x86_64"})),
    "t4g.small": frozenset({"arm64"}),
}


@dataclass(frozen=True, slots=True)
class _Due:
    state: NodeState
    at: float


@dataclass(slots=True)
class _Fault:
    operation: str
    error: NodeError
    left: int
    instance_type: str | None


class MemoryNodes:
    """`NodeControl` and `NodeShapes` in memory. Time passes by `advance` only; `calls` holds every write attempted.

    >>> nodes = MemoryNodes(Node("i-1", NodeState.STOPPED, "t3.small"), boot_s=30)
    >>> nodes.start("i-1"), nodes["i-1"].state
    (True, <NodeState.PENDING: 'pending'>)
    >>> nodes.advance(30)
    >>> nodes["i-1"].state
    <NodeState.RUNNING: 'running'>
    """

    def __init__(self, *nodes: Node, boot_s: float = 30.0, stop_s: float = 20.0, now: float = 0.0) -> None:
        """Start with these nodes; one that is `pending` or `stopping` has just begun to be."""
        self.now = now
        self.calls: list[tuple[str, ...]] = []
        self.boot_s, self.stop_s = boot_s, stop_s
        self._nodes = {node.id: node for node in nodes}
        self._due: dict[str, _Due] = {}
        self._told_to_stop: dict[str, float] = {}
        self._faults: list[_Fault] = []
        self._failing_boots = 0
        for node in nodes:
            self._enter(node, node.state)

    def __getitem__(self, node_id: str) -> Node:
        """The node as it is now."""
        return self._find(node_id)

    def advance(self, seconds: float) -> None:
        """Let time pass: transitions that fall due happen."""
        self.now += seconds
        for node_id, due in list(self._due.items()):
            if due.at <= self.now:
                self._enter(self._nodes[node_id], due.state)

    def fail(self, operation: str, error: NodeError, *, times: int = 1, instance_type: str | None = None) -> None:
        """Let the next `times` calls of a method fail, of nodes of that type if one is given."""
        self._faults.append(_Fault(operation, error, times, instance_type))

    def fail_boot(self, times: int = 1) -> None:
        """Let the next accepted starts end in `stopped` again, as EC2 does when it finds no capacity afterwards."""
        self._failing_boots += times

    def nodes(self) -> Sequence[Node]:
        self._hit("nodes")
        return tuple(self._nodes.values())

    def start(self, node_id: str) -> bool:
        node = self._write("start", node_id)
        if node.state is NodeState.STOPPED:
            self._enter(replace(node, launched_at=self.now), NodeState.PENDING)
            return True
        self._refuse_unless(node, NodeState.PENDING, NodeState.RUNNING)
        return False

    def stop(self, node_id: str) -> None:
        node = self._write("stop", node_id)
        if node.state is NodeState.RUNNING:
            self._enter(node, NodeState.STOPPING)
        else:
            self._refuse_unless(node, NodeState.STOPPING, NodeState.STOPPED)

    def set_type(self, node_id: str, instance_type: str) -> None:
        node = self._write("set_type", node_id, instance_type)
        if instance_type not in _TYPES:
            raise NodeError("InvalidInstanceAttributeValue", f"Invalid value '{instance_type}' for InstanceType.")
        self._refuse_unless(node, NodeState.STOPPED)
        self._nodes[node_id] = replace(node, instance_type=instance_type)

    def facts(self, node_id: str) -> NodeFacts:
        self._hit("facts")
        self._find(node_id)
        return _FACTS

    def architectures(self, instance_type: str) -> frozenset[str]:
        self._hit("architectures")
        if instance_type not in _TYPES:
            raise NodeError(
                "InvalidInstanceType", f"The following supplied instance types do not exist: [{instance_type}]"
            )
        return _TYPES[instance_type]

    def offered(self, instance_type: str, zone: str) -> bool:
        self._hit("offered")
        return instance_type in _TYPES and zone.startswith(_FACTS.region)

    def _write(self, operation: str, node_id: str, *args: str) -> Node:
        self.calls.append((operation, node_id, *args))
        node = self._find(node_id)
        self._hit(operation, node)
        return node

    def _find(self, node_id: str) -> Node:
        if node_id not in self._nodes:
            raise NodeError("InvalidInstanceID.NotFound", f"The instance ID '{node_id}' does not exist")
        return self._nodes[node_id]

    def _hit(self, operation: str, node: Node | None = None) -> None:
        for fault in self._faults:
            fits = fault.instance_type is None or (node is not None and node.instance_type == fault.instance_type)
            if fault.operation == operation and fault.left and fits:
                fault.left -= 1
                raise fault.error

    def _refuse_unless(self, node: Node, *states: NodeState) -> None:
        if node.state not in states:
            raise NodeError("IncorrectInstanceState", f"The instance '{node.id}' is {node.state}.")

    def _enter(self, node: Node, state: NodeState) -> None:
        if state is NodeState.STOPPING:
            self._told_to_stop[node.id] = self.now
        stopped_at = self._told_to_stop.get(node.id) if state is NodeState.STOPPED else None
        self._nodes[node.id] = replace(node, state=state, stopped_at=stopped_at)
        self._due.pop(node.id, None)
        if state is NodeState.PENDING:
            then = NodeState.RUNNING
            if self._failing_boots:
                self._failing_boots, then = self._failing_boots - 1, NodeState.STOPPED
            self._due[node.id] = _Due(then, self.now + self.boot_s)
        elif state is NodeState.STOPPING:
            self._due[node.id] = _Due(NodeState.STOPPED, self.now + self.stop_s)
        elif state is NodeState.SHUTTING_DOWN:
            self._due[node.id] = _Due(NodeState.TERMINATED, self.now + self.stop_s)

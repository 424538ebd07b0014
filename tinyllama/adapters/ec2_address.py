"""The node's Elastic IP, found by the node's tags. What has other tags is never touched."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from tinyllama.adapters.ec2_node import connect, node_errors
from tinyllama.domain.address import TAGS, Address, AddressError, AddressStep, Seen
from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import NODE_TAGS, Node, NodeState

_BUSY = {"RequestLimitExceeded", "Throttling", "ThrottlingException"}
_ROUNDS = 3
_GONE = {NodeState.SHUTTING_DOWN, NodeState.TERMINATED}


class NodeAddress:
    """Every method raises `AddressError`. `once` is a client that does not repeat what it does not hear of."""

    def __init__(self, client: Any, once: Any, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self._client, self._once, self._sleep = client, once, sleep

    def look(self, nodes: Sequence[Node], instance_id: str | None = None) -> Seen:
        """What there is: the addresses, and which node they are for."""
        alive = [node for node in nodes if node.state not in _GONE and instance_id in {None, node.id}]
        if len(alive) > 1:
            raise AddressError(
                f"{len(alive)} instances are tagged as the GPU node: {', '.join(node.id for node in alive)}. "
                "Nothing was touched. Say which: -e instance_id=i-..."
            )
        if instance_id and not alive:
            raise AddressError(f"{instance_id} is no GPU node of ours. Nothing was touched.")
        node_id = alive[0].id if alive else ""
        runs = any(node.state in {NodeState.RUNNING, NodeState.PENDING} for node in alive)
        ours = self.ours()
        known = {one.id for one in ours}
        there = self._find([{"Name": "instance-id", "Values": [node_id]}]) if node_id else ()
        return Seen(ours, tuple(one for one in there if one.id not in known), node_id, runs)

    def ours(self) -> Sequence[Address]:
        """All addresses with the node's tags."""
        return self._find([{"Name": f"tag:{key}", "Values": [value]} for key, value in NODE_TAGS.items()])

    def _find(self, filters: list[dict[str, Any]]) -> Sequence[Address]:
        found = self._call(self._client.describe_addresses, Filters=filters)["Addresses"]
        return tuple(sorted((_address(one) for one in found), key=lambda address: address.id))

    def carry_out(self, steps: Sequence[AddressStep], node_id: str) -> None:
        """Take the steps; a failure after the first call says that something was touched."""
        touched = False
        for step in steps:
            try:
                self._take(step.action, node_id)
            except AddressError as error:
                raise AddressError(
                    f"{error} Run the same again: it goes on.", code=error.code, touched=touched
                ) from error
            touched = True

    def _take(self, action: str, node_id: str) -> None:
        match action:
            case "allocate":
                self._allocate()
            case "attach":
                [address] = self.ours()
                wanted = {"AllocationId": address.id, "InstanceId": node_id, "AllowReassociation": False}
                self._settle(self._client.associate_address, wanted, lambda now: now[0].holder == node_id)
            case "detach":
                [address] = self.ours()
                wanted = {"AssociationId": address.association}
                self._settle(self._client.disassociate_address, wanted, lambda now: not now[0].association)
            case _:
                [address] = self.ours()
                self._settle(self._client.release_address, {"AllocationId": address.id}, lambda now: not now)

    def _settle(self, call: Any, wanted: dict[str, Any], reached: Callable[[Sequence[Address]], bool]) -> None:
        """Make a call; one whose answer was lost is known by what there is."""
        try:
            self._call(call, **wanted)
        except AddressError:
            if not reached(self.ours()):
                raise

    def _allocate(self) -> None:
        # Sent twice it would allocate two: so it is sent once, and before it is sent again it is looked for.
        tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()]}]
        for turn in range(_ROUNDS):
            try:
                self._call(self._once.allocate_address, Domain="vpc", TagSpecifications=tags)
            except AddressError as error:
                if self.ours():
                    return
                if error.code not in _BUSY or turn == _ROUNDS - 1:
                    raise
                self._sleep(2.0**turn)
            else:
                return

    @staticmethod
    def _call(call: Any, **wanted: Any) -> Any:
        try:
            with node_errors():
                return call(**wanted)
        except NodeError as error:
            raise AddressError(f"{error}.", code=error.code) from error


def of_region(region: str | None, endpoint_url: str | None) -> NodeAddress:
    """The address in a region; what is not given comes from the environment. Raises `NodeError`."""
    client = connect(region=region, endpoint_url=endpoint_url)
    return NodeAddress(client, connect(region=region, endpoint_url=endpoint_url, attempts=1))


def _address(found: dict[str, Any]) -> Address:
    holder = found.get("InstanceId") or found.get("NetworkInterfaceId") or ""
    return Address(found["AllocationId"], found["PublicIp"], found.get("AssociationId") or "", holder)

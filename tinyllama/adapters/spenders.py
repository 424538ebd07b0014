"""What spends money while it is on, as it is now: the node, its address, Redis. So one sees what the killer did."""

from datetime import datetime, timedelta
from typing import Any

from tinyllama.adapters.ec2_address import NodeAddress
from tinyllama.adapters.ec2_node import Ec2Nodes, node_errors
from tinyllama.adapters.queue_cluster import QueueCluster
from tinyllama.domain.errors import TinyllamaError
from tinyllama.domain.node import NodeState
from tinyllama.domain.queue_cluster import ClusterError
from tinyllama.domain.wake_switch import BUDGET, WakeSwitch, stamp

_TOGETHER = timedelta(minutes=10)
"""The killer forbids wakes and stops the node in one go; SNS may deliver its order more than once."""


class Spenders:
    """Looks only. What cannot be seen is said in words, not raised: facts are wanted when much is wrong."""

    def __init__(self, ec2: Any, cluster: QueueCluster, address: NodeAddress) -> None:
        self._ec2, self._cluster, self._address = ec2, cluster, address

    def look(self, switch: WakeSwitch) -> dict[str, Any]:
        """Return `nodes`, `addresses` and `queue`, each a list of facts or a dict, or the text of an error."""
        return {
            "nodes": _or_words(lambda: self._nodes(switch)),
            "addresses": _or_words(self._addresses),
            "queue": _or_words(self._queue),
        }

    def _nodes(self, switch: WakeSwitch) -> list[dict[str, Any]]:
        nodes = [node for node in Ec2Nodes(self._ec2).nodes() if node.state is not NodeState.TERMINATED]
        return [
            {
                "id": node.id,
                "state": node.state.value,
                "why": self._why(node.id),
                "stopped_at": _time(node.stopped_at),
                "by_killer": _by_killer(node.stopped_at, switch),
            }
            for node in nodes
        ]

    def _why(self, node_id: str) -> str:
        with node_errors():
            found = self._ec2.describe_instances(InstanceIds=[node_id])["Reservations"][0]["Instances"][0]
        return str(found.get("StateTransitionReason", ""))

    def _addresses(self) -> list[dict[str, str]]:
        return [{"id": one.id, "ip": one.ip, "attached_to": one.holder} for one in self._address.ours()]

    def _queue(self) -> dict[str, Any]:
        """Redis is wanted where Terraform has made what it needs: with `enable_redis=false` that is gone."""
        try:
            self._cluster.check_groups()
            self._cluster.firewall()
            wanted = True
        except ClusterError as error:
            if error.code and "NotFound" not in error.code:
                raise
            wanted = False
        return {"state": self._cluster.look().state.value, "wanted": wanted}


def _or_words(look: Any) -> Any:
    try:
        return look()
    except TinyllamaError as error:
        return f"cannot be seen: {error}"


def _time(at: float | None) -> str | None:
    return None if at is None else stamp(datetime.fromtimestamp(at).astimezone())


def _by_killer(stopped_at: float | None, switch: WakeSwitch) -> bool:
    """EC2 says that somebody asked for the stop, not who: wakes were forbidden for the budget at about that time."""
    if stopped_at is None or switch.enabled or switch.reason != BUDGET or switch.since is None:
        return False
    return abs(stopped_at - switch.since.timestamp()) <= _TOGETHER.total_seconds()

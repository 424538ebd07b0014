"""Waiting for a node: which states lead to the wanted one, and which mean that it will not come."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tinyllama.domain.node import NodeState

LAG_S = 10.0
"""For so many seconds DescribeInstances may still show an instance as it was before an accepted call."""


class Verdict(StrEnum):
    """What a look at the node means to somebody who waits for it."""

    REACHED = "reached"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Way:
    origin: NodeState
    via: NodeState


# Any state that is not on the way ends the wait: time does not help any more.
_WAYS: Mapping[NodeState, _Way] = {
    NodeState.RUNNING: _Way(origin=NodeState.STOPPED, via=NodeState.PENDING),
    NodeState.STOPPED: _Way(origin=NodeState.RUNNING, via=NodeState.STOPPING),
}


def judge(target: NodeState, state: NodeState, *, moving: bool, waited_s: float) -> Verdict:
    """Judge a look at a node that is waited for; `moving` says that it has been seen on its way.

    A node that fell back to where it came from has failed; one that never left may only look so,
    because EC2's answers lag behind, and gets `LAG_S`.
    """
    way = _WAYS[target]
    if state is target:
        return Verdict.REACHED
    if state is way.via or (state is way.origin and not moving and waited_s < LAG_S):
        return Verdict.WAITING
    return Verdict.FAILED


def on_its_way(target: NodeState, state: NodeState) -> bool:
    """Whether the node is in the state that leads to `target`."""
    return state is _WAYS[target].via

"""Resizing nodes in memory: it ends as wanted, or as it was before, whatever fails."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinyllama.adapters.memory_nodes import MemoryNodes
from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.resize import ResizeError, WantedState, plan
from tinyllama.resize.carry_out import Resize
from tinyllama.resize.prepare import Wanted, prepare
from tinyllama.resize.watch import Pace, World

PENDING, RUNNING, STOPPING, STOPPED = NodeState.PENDING, NodeState.RUNNING, NodeState.STOPPING, NodeState.STOPPED
SETTLES = {PENDING: RUNNING, RUNNING: RUNNING, STOPPING: STOPPED, STOPPED: STOPPED}
NO_CAPACITY = NodeError("InsufficientInstanceCapacity", "no g4dn.xlarge left")

types = st.sampled_from(["t3.small", "t3.medium", "g4dn.xlarge"])
alive = st.builds(Node, id=st.just("i-1"), state=st.sampled_from(list(SETTLES)), instance_type=types)
wanted_states = st.sampled_from(WantedState)


def node(state: NodeState = STOPPED, instance_type: str = "t3.small") -> Node:
    return Node("i-1", state, instance_type)


def resize(nodes: MemoryNodes, wanted: Wanted, told: list[str] | None = None, **pace: float) -> Node:
    world = World(
        clock=lambda: nodes.now,
        sleep=nodes.advance,
        chance=lambda low, high: (low + high) / 2,
        tell=(told if told is not None else []).append,
    )
    return Resize(nodes, prepare(nodes, wanted), Pace(**pace), world).carry_out()


@given(alive, types, wanted_states)
def test_a_resize_ends_as_predicted(before: Node, wanted_type: str, wanted: WantedState) -> None:
    nodes = MemoryNodes(before)
    predicted = prepare(nodes, Wanted(wanted_type, wanted)).goal
    assert predicted.reached_by(resize(nodes, Wanted(wanted_type, wanted)))
    assert predicted.reached_by(nodes["i-1"])


class FlakyNodes(MemoryNodes):
    """The n-th write fails: before EC2 did anything, or after it had accepted (`lost`: the answer never arrived)."""

    def __init__(self, before: Node, nth: int, *, lost: bool) -> None:
        super().__init__(before)
        self._fails = (turn == nth for turn in itertools.count())
        self._lost = lost

    def start(self, node_id: str) -> bool:
        return bool(self._perhaps(super().start, node_id))

    def stop(self, node_id: str) -> None:
        self._perhaps(super().stop, node_id)

    def set_type(self, node_id: str, instance_type: str) -> None:
        self._perhaps(super().set_type, node_id, instance_type)

    def _perhaps(self, call: Any, *args: str) -> Any:
        fails = next(self._fails)
        answer = None if fails and not self._lost else call(*args)
        if fails:
            raise NodeError("ReadTimeoutError", "no answer")
        return answer


@given(alive, types, wanted_states, st.integers(0, 2), st.booleans())
def test_whatever_call_fails_the_node_ends_with_its_old_type_and_state(
    before: Node, wanted_type: str, wanted: WantedState, nth: int, lost: bool
) -> None:
    assume(nth < sum(step.changes for step in plan(before, wanted_type, wanted)))
    nodes = FlakyNodes(before, nth, lost=lost)
    with pytest.raises(ResizeError, match=r"no answer.*put back to .*run the same command again") as caught:
        resize(nodes, Wanted(wanted_type, wanted))
    assert caught.value.restored
    assert (nodes["i-1"].instance_type, nodes["i-1"].state) == (before.instance_type, SETTLES[before.state])


def test_without_capacity_a_running_node_runs_again_as_it_was_even_if_going_back_takes_two_tries() -> None:
    nodes = MemoryNodes(node(RUNNING))
    nodes.fail("start", NO_CAPACITY, instance_type="g4dn.xlarge")
    nodes.fail("set_type", NodeError("RequestLimitExceeded", "slow down"), instance_type="g4dn.xlarge")
    with pytest.raises(
        ResizeError, match=r"no g4dn.xlarge left\. It was put back to t3.small, running\. .*another type"
    ):
        resize(nodes, Wanted("g4dn.xlarge"))
    assert nodes["i-1"] == replace(node(RUNNING), launched_at=nodes["i-1"].launched_at)


def test_a_node_that_falls_back_to_stopped_while_booting_is_not_waited_for() -> None:
    (nodes := MemoryNodes(node(), boot_s=5)).fail_boot()
    with pytest.raises(ResizeError, match=r"WaitFailed: the node is stopped.*put back to t3.small, stopped"):
        resize(nodes, Wanted("g4dn.xlarge", WantedState.RUNNING))
    assert nodes.now < 30


def test_a_boot_that_hangs_ends_at_the_timeout_and_says_what_is_left() -> None:
    nodes = MemoryNodes(node(), boot_s=10_000)
    with pytest.raises(
        ResizeError,
        match=r"still pending after waiting 60 s.*Going back.*failed too.*It is left pending as g4dn.xlarge; once EC2 "
        r"answers, ask for instance type t3.small and state stopped\. `aws ec2 stop-instances",
    ) as caught:
        resize(nodes, Wanted("g4dn.xlarge", WantedState.RUNNING), timeout_s=60)
    assert caught.value.restored is False
    assert 120 <= nodes.now < 140


def test_when_even_looking_fails_the_message_says_so() -> None:
    nodes = MemoryNodes(node())
    nodes.fail("start", NO_CAPACITY)
    prepared = prepare(nodes, Wanted("g4dn.xlarge", WantedState.RUNNING))
    nodes.fail("nodes", NodeError("ExpiredToken", "the token is expired"), times=100)
    with pytest.raises(ResizeError, match=r"no g4dn.xlarge left.*ExpiredToken.*How it is now is unknown"):
        Resize(nodes, prepared, world=World(clock=lambda: nodes.now, sleep=nodes.advance)).carry_out()


def test_looks_that_fail_for_a_moment_do_not_end_a_resize() -> None:
    nodes = MemoryNodes(node())
    prepared = prepare(nodes, Wanted("g4dn.xlarge"))
    nodes.fail("nodes", NodeError("RequestLimitExceeded", "slow down"), times=2)
    assert Resize(nodes, prepared, world=World(clock=lambda: nodes.now, sleep=nodes.advance)).carry_out()


class LaggingNodes(MemoryNodes):
    """`nodes` shows what was true two seconds ago, as DescribeInstances may."""

    def __init__(self, before: Node) -> None:
        super().__init__(before, boot_s=5, stop_s=5)
        self._past: list[tuple[float, Sequence[Node]]] = [(-10.0, super().nodes())]

    def advance(self, seconds: float) -> None:
        self._past.append((self.now, super().nodes()))
        super().advance(seconds)

    def nodes(self) -> Sequence[Node]:
        return next((seen for at, seen in reversed(self._past) if at <= self.now - 2), self._past[0][1])


@pytest.mark.parametrize("state", [RUNNING, STOPPED])
def test_answers_that_lag_behind_are_not_taken_for_failures(state: NodeState) -> None:
    nodes = LaggingNodes(node(state))
    assert resize(nodes, Wanted("g4dn.xlarge", WantedState.RUNNING)).instance_type == "g4dn.xlarge"
    assert nodes["i-1"].state is RUNNING


def test_a_change_that_fails_before_anything_was_touched_says_so() -> None:
    nodes = MemoryNodes(node(PENDING), boot_s=10_000)
    with pytest.raises(ResizeError, match=r"still pending.*Nothing was touched\. .*longer wait_timeout") as caught:
        resize(nodes, Wanted("g4dn.xlarge"), timeout_s=10)
    assert caught.value.restored is None
    assert nodes.calls == []


@pytest.mark.parametrize(
    ("instance_type", "says"),
    [
        ("g4dn.xxlarge", "There is no instance type 'g4dn.xxlarge' in eu-central-1; nothing was touched"),
        ("t4g.small", "t4g.small has arm64 processors, but the node's disk was made for x86_64; nothing was touched"),
    ],
)
def test_a_type_that_cannot_work_is_refused_before_anything_is_touched(instance_type: str, says: str) -> None:
    nodes = MemoryNodes(node(RUNNING))
    with pytest.raises(ResizeError, match=says):
        resize(nodes, Wanted(instance_type))
    assert nodes.calls == []


def test_progress_tells_each_step_and_each_state_once() -> None:
    told: list[str] = []
    resize(MemoryNodes(node(RUNNING), boot_s=60, stop_s=60), Wanted("g4dn.xlarge"), told)
    assert told[0] == "i-1: stop stopped (EC2 changes the type of a stopped instance only)"
    assert [line.split(" after ")[0] for line in told if line.startswith("waiting")] == [
        "waiting for stopped: stopping",
        "waiting for stopped: stopped",
        "waiting for running: pending",
        "waiting for running: running",
    ]


def test_looks_thin_out_while_a_wait_lasts() -> None:
    nodes = MemoryNodes(node(), boot_s=300)
    looked: list[float] = []

    def sleep(seconds: float) -> None:
        looked.append(seconds)
        nodes.advance(seconds)

    world = World(clock=lambda: nodes.now, sleep=sleep, chance=lambda *_: 1.0)
    Resize(nodes, prepare(nodes, Wanted(None, WantedState.RUNNING)), Pace(poll_s=3), world).carry_out()
    assert (looked[0], max(looked)) == (0.1, 3)
    assert len(looked) < 120

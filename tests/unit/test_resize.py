"""Resizing on paper: plans that EC2 accepts, the way back, waits that end early, prices."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.node_wait import LAG_S, Verdict, judge
from tinyllama.domain.prices import USD_PER_HOUR, eur_per_hour
from tinyllama.domain.resize import Action, ResizeError, Step, WantedState, choose, plan, settled, steps_to

PENDING, RUNNING, STOPPING, STOPPED = NodeState.PENDING, NodeState.RUNNING, NodeState.STOPPING, NodeState.STOPPED
SETTLES = {PENDING: RUNNING, RUNNING: RUNNING, STOPPING: STOPPED, STOPPED: STOPPED}

types = st.sampled_from(["t3.small", "t3.medium", "g4dn.xlarge"])
alive = st.builds(Node, id=st.just("i-1"), state=st.sampled_from(list(SETTLES)), instance_type=types)
wanted_states = st.sampled_from(WantedState)


def node(state: NodeState = STOPPED, instance_type: str = "t3.small", node_id: str = "i-1") -> Node:
    return Node(node_id, state, instance_type)


def ends_in(before: Node, wanted: WantedState) -> NodeState:
    return SETTLES[before.state] if wanted is WantedState.UNCHANGED else NodeState(wanted.value)


def follow(before: Node, steps: Sequence[Step]) -> Node:
    """EC2's rules in a few lines: what is refused is an assertion."""
    now = before
    for step in steps:
        match step.action:
            case Action.WAIT:
                now = replace(now, state=SETTLES[now.state])
                assert now.state == step.target, "waits for what will not come"
            case Action.STOP:
                assert now.state is RUNNING
                now = replace(now, state=STOPPING)
            case Action.START:
                assert now.state is STOPPED
                now = replace(now, state=PENDING)
            case Action.SET_TYPE:
                assert now.state is STOPPED
                now = replace(now, instance_type=step.target)
    return now


@given(alive, types, wanted_states)
def test_a_plan_ends_as_wanted_and_asks_for_nothing_that_ec2_refuses(
    before: Node, wanted_type: str, wanted: WantedState
) -> None:
    steps = plan(before, wanted_type, wanted)
    end = follow(before, steps)
    assert end.instance_type == wanted_type
    assert SETTLES[end.state] is ends_in(before, wanted)
    assert end.state is ends_in(before, wanted) or not steps


@given(alive, types, wanted_states)
def test_what_is_already_right_needs_no_step(before: Node, wanted_type: str, wanted: WantedState) -> None:
    end = follow(before, plan(before, wanted_type, wanted))
    assert plan(end, wanted_type, wanted) == ()
    assert plan(end, None, WantedState.UNCHANGED) == ()


@given(alive, types, wanted_states, st.data())
def test_going_back_from_any_point_of_a_plan_restores_type_and_state(
    before: Node, wanted_type: str, wanted: WantedState, data: Any
) -> None:
    steps = plan(before, wanted_type, wanted)
    now = follow(before, steps[: data.draw(st.integers(0, len(steps)))])
    end = follow(now, steps_to(now, settled(before)))
    assert (end.instance_type, end.state) == (before.instance_type, SETTLES[before.state])


def test_every_step_says_why() -> None:
    steps = plan(node(RUNNING), "g4dn.xlarge", WantedState.UNCHANGED)
    assert [step.action for step in steps] == ["stop", "wait", "set_type", "start", "wait"]
    assert all(step.reason for step in steps)


@pytest.mark.parametrize("state", [NodeState.TERMINATED, NodeState.SHUTTING_DOWN])
def test_a_node_that_is_gone_cannot_be_planned_for(state: NodeState) -> None:
    with pytest.raises(ResizeError, match="Create a new node"):
        plan(node(state), "t3.small", WantedState.RUNNING)


def test_the_only_living_node_is_meant_unless_an_id_says_otherwise() -> None:
    nodes = [node(NodeState.TERMINATED, node_id="i-0"), node(node_id="i-1")]
    assert choose(nodes).id == choose(nodes, "i-1").id == "i-1"


@pytest.mark.parametrize(
    ("ids", "instance_id", "says"),
    [
        (
            (),
            None,
            "No instance that is not terminated has the tags Project=tinyllama, Role=gpu-node .*terraform apply",
        ),
        (("i-1",), "i-9", r"i-9 does not exist here, or lacks the tags .* i-1 \(t3.small, stopped\)"),
        (("i-2", "i-1"), None, r"2 instances .* i-1 \(.*\), i-2 .*Name one with instance_id"),
    ],
)
def test_no_node_or_several_are_refused_with_what_to_do(ids: Sequence[str], instance_id: str | None, says: str) -> None:
    with pytest.raises(ResizeError, match=says):
        choose([node(node_id=node_id) for node_id in ids], instance_id)


@pytest.mark.parametrize(
    ("target", "state", "moving", "waited_s", "verdict"),
    [
        (RUNNING, RUNNING, False, 0, Verdict.REACHED),
        (RUNNING, PENDING, True, 500, Verdict.WAITING),
        (RUNNING, STOPPED, False, LAG_S - 1, Verdict.WAITING),  # the answer may lag behind
        (RUNNING, STOPPED, False, LAG_S, Verdict.FAILED),
        (RUNNING, STOPPED, True, 1, Verdict.FAILED),  # it was pending and fell back
        (RUNNING, STOPPING, False, 0, Verdict.FAILED),
        (RUNNING, NodeState.TERMINATED, False, 0, Verdict.FAILED),
        (STOPPED, STOPPING, True, 500, Verdict.WAITING),
        (STOPPED, RUNNING, True, 1, Verdict.FAILED),
        (STOPPED, PENDING, False, 0, Verdict.FAILED),
    ],
)
def test_a_wait_ends_early_where_the_state_cannot_come(
    target: NodeState, state: NodeState, moving: bool, waited_s: float, verdict: Verdict
) -> None:
    assert judge(target, state, moving=moving, waited_s=waited_s) is verdict


def test_prices_are_euros_of_the_list() -> None:
    assert eur_per_hour("g4dn.xlarge", "eu-central-1") == Decimal("0.5754")
    assert eur_per_hour("g6.xlarge", "eu-west-1") is None
    assert eur_per_hour("t3.small", "nowhere") is None
    assert all(price > 0 for region in USD_PER_HOUR.values() for price in region.values())

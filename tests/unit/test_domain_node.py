"""When the node is woken, and when it is put to sleep."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.node import (
    Activity,
    Node,
    NodeState,
    WakeAction,
    decide_stop,
    decide_wake,
    remaining_eta_s,
)

NODES = st.lists(
    st.builds(Node, st.uuids().map(str), st.sampled_from(NodeState), st.just("t3.small"), st.floats(0, 1e9)), max_size=6
)


@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        (NodeState.STOPPED, WakeAction.START, "cold_boot"),
        (NodeState.PENDING, WakeAction.WAIT, "node_booting"),
        (NodeState.RUNNING, WakeAction.WAIT, "node_loading"),
        (NodeState.STOPPING, WakeAction.WAIT, "node_stopping"),
        (NodeState.SHUTTING_DOWN, WakeAction.REFUSE, "no_node"),
        (NodeState.TERMINATED, WakeAction.REFUSE, "no_node"),
    ],
)
def test_each_state_of_a_single_node_has_its_answer(state: NodeState, action: WakeAction, reason: str) -> None:
    decision = decide_wake([Node("i-1", state, "t3.small")], worker_ready=False)
    assert (decision.action, decision.reason) == (action, reason)


@given(NODES)
def test_a_ready_worker_needs_no_node_to_be_started(nodes: list[Node]) -> None:
    assert decide_wake(nodes, worker_ready=True).action is WakeAction.NONE


@given(NODES, st.randoms())
def test_the_decision_does_not_depend_on_the_order_in_which_ec2_lists_nodes(nodes: list[Node], random: Random) -> None:
    shuffled = sorted(nodes, key=lambda _: random.random())
    assert decide_wake(nodes, worker_ready=False) == decide_wake(shuffled, worker_ready=False)


@given(NODES)
def test_a_node_is_started_only_when_none_runs_or_boots_and_only_from_stopped(nodes: list[Node]) -> None:
    decision = decide_wake(nodes, worker_ready=False)
    states = {node.state for node in nodes}
    if decision.action is WakeAction.START:
        assert decision.node is not None
        assert decision.node.state is NodeState.STOPPED
        assert not states & {NodeState.RUNNING, NodeState.PENDING}
    if decision.action is WakeAction.REFUSE:
        assert states <= {NodeState.SHUTTING_DOWN, NodeState.TERMINATED}


@given(st.floats(0, 1e9), st.floats(-1e6, 1e6))
def test_the_eta_is_never_less_than_a_second_nor_more_than_a_whole_boot(launched: float, passed: float) -> None:
    node = Node("i-1", NodeState.PENDING, "t3.small", launched)
    assert 1 <= remaining_eta_s(node, boot_s=90, now=launched + passed) <= 90


def test_a_node_that_is_not_booting_yet_takes_a_whole_boot() -> None:
    assert remaining_eta_s(Node("i-1", NodeState.STOPPED, "t3.small", 5.0), boot_s=90, now=1e9) == 90


TIMES = st.floats(0, 1e9)
ACTIVITIES = st.none() | st.builds(Activity, TIMES, st.floats(1, 1_800))


@given(TIMES, TIMES, ACTIVITIES, st.floats(1, 1_800))
def test_a_node_is_stopped_exactly_when_its_idle_window_has_passed(
    now: float, booted: float, last: Activity | None, window: float
) -> None:
    decision = decide_stop(now=now, booted_at=booted, last=last, default_idle_s=window)
    trusted = last if last and booted <= last.at <= now else None
    since = trusted.at if trusted else booted
    assert decision.stop == (now - since > (trusted.idle_s if trusted else window))


@given(TIMES, st.floats(1, 1_800), st.floats(1, 1e9))
def test_a_sign_of_use_in_the_future_never_keeps_a_node_awake(booted: float, window: float, jump: float) -> None:
    now = booted + window + 1
    decision = decide_stop(now=now, booted_at=booted, last=Activity(now + jump, 1_800), default_idle_s=window)
    assert decision.stop


def test_a_job_that_asked_for_thirty_minutes_keeps_the_node_for_thirty_minutes() -> None:
    last = Activity(1_000.0, 1_800.0)
    assert not decide_stop(now=2_800.0, booted_at=0, last=last, default_idle_s=300).stop
    assert decide_stop(now=2_801.0, booted_at=0, last=last, default_idle_s=300).stop


@given(TIMES, st.floats(0.001, 1e9), st.floats(0, 3_600), st.floats(1, 1_800), st.floats(1, 1_800))
def test_an_idle_window_of_an_earlier_boot_says_nothing_of_this_one(
    booted: float, before: float, passed: float, left: float, window: float
) -> None:
    now, last = booted + passed, Activity(booted - before, left)
    decision = decide_stop(now=now, booted_at=booted, last=last, default_idle_s=window)
    assert decision == decide_stop(now=now, booted_at=booted, last=None, default_idle_s=window)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (None, "recently_booted"),
        (Activity(999.0, 60.0), "recently_booted"),  # one minute was asked for, on another day
        (Activity(1_000.0, 300.0), "recently_used"),
    ],
)
def test_before_the_first_job_of_a_boot_the_window_is_the_default(last: Activity | None, reason: str) -> None:
    decision = decide_stop(now=1_100, booted_at=1_000, last=last, default_idle_s=300)
    assert (decision.stop, decision.reason, decision.idle_s) == (False, reason, 100)

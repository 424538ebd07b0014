"""Carrying out a resize: the steps, the waits between them, and the way back when one fails."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.node_wait import LAG_S, Verdict, judge, on_its_way
from tinyllama.domain.resize import Action, Goal, ResizeError, Step, WantedState, goal, rollback
from tinyllama.domain.resize_advice import NOT_AS_ASKED, WAIT_FAILED, WAIT_TIMEOUT, advice
from tinyllama.resize.prepare import Prepared

if TYPE_CHECKING:  # the ports bring pydantic, for which every task of a runbook would wait
    from tinyllama.ports import ShapedNodes

_FIRST_PAUSE_S = 0.1
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that one wait may take, and at most between two looks; looks start dense and thin out, with jitter."""

    timeout_s: float = 600.0
    poll_s: float = 3.0


@dataclass(frozen=True, slots=True)
class World:
    """Time, chance and a place to tell of progress, so that tests can do without any."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[float, float], float] = random.uniform
    tell: Callable[[str], object] = lambda _message: None


class Resize:
    """Carries out one prepared resize."""

    def __init__(
        self, nodes: "ShapedNodes", prepared: Prepared, pace: Pace | None = None, world: World | None = None
    ) -> None:
        self._nodes, self._prepared = nodes, prepared
        self._pace, self._world = pace or Pace(), world or World()
        self._touched = False

    def carry_out(self) -> Node:
        """Do it, and return the node as EC2 then describes it.

        Raises:
            ResizeError: it failed; old type and state were restored, or the message says what is left.
        """
        if not self._prepared.steps:
            return self._prepared.node
        try:
            self._perform(self._prepared.steps)
            return self._confirm(self._prepared.goal)
        except NodeError as error:
            raise self._back(error) from error

    def _back(self, failure: NodeError) -> ResizeError:
        before, asked = self._prepared.node, self._prepared.goal
        what = f"{before.id} could not be changed to {asked}: {str(failure).rstrip('.')}."
        next_step = advice(failure.code, asked.instance_type, self._prepared.facts.zone)
        if not self._touched:
            return ResizeError(f"{what} Nothing was touched. {next_step}")
        was = goal(before, None, WantedState.UNCHANGED)
        self._world.tell(f"{failure}; going back to {was}")
        try:
            restored = self._restore(was)
        except (NodeError, ResizeError) as error:
            second, left = str(error).rstrip("."), self._left()
            message = f"{what} Going back to {was} failed too: {second}. {_told(before.id, left, was)}"
            return ResizeError(message, restored=False, left=left)
        return ResizeError(f"{what} It was put back to {was}. {next_step}", restored=True, left=restored)

    def _restore(self, was: Goal, tries: int = _TRIES) -> Node:
        """Go back, with a new plan whenever a step fails: the first may rest on a look that lagged behind."""
        try:
            self._perform(rollback(self._prepared.node, self._look()))
            return self._confirm(was)
        except NodeError as error:
            if tries == 1 or error.code == WAIT_TIMEOUT:
                raise
            self._world.tell(f"{error}; trying again")
            self._world.sleep(self._pace.poll_s)
            return self._restore(was, tries - 1)

    def _left(self) -> Node | None:
        try:
            return self._look()
        except NodeError:
            return None

    def _perform(self, steps: Sequence[Step]) -> None:
        node_id = self._prepared.node.id
        for step in steps:
            self._world.tell(f"{node_id}: {step.action} {step.target} ({step.reason})")
            # Set before the call: an error may hide that EC2 had accepted it.
            self._touched = self._touched or step.changes
            match step.action:
                case Action.STOP:
                    self._nodes.stop(node_id)
                case Action.START:
                    self._nodes.start(node_id)
                case Action.SET_TYPE:
                    self._nodes.set_type(node_id, step.target)
                case Action.WAIT:
                    self._wait(NodeState(step.target))

    def _wait(self, target: NodeState) -> None:
        moving, state = False, None
        for waited_s in self._looks(self._pace.timeout_s):
            now = self._look().state
            if now is not state:
                self._world.tell(f"waiting for {target}: {now} after {waited_s:.0f} s")
            state, moving = now, moving or on_its_way(target, now)
            verdict = judge(target, now, moving=moving, waited_s=waited_s)
            if verdict is Verdict.REACHED:
                return
            if verdict is Verdict.FAILED:
                raise NodeError(WAIT_FAILED, f"the node is {now}, where {target} cannot follow any more")
        raise NodeError(WAIT_TIMEOUT, f"still {state} after waiting {self._pace.timeout_s:.0f} s for {target}")

    def _confirm(self, end: Goal) -> Node:
        for _ in self._looks(LAG_S):
            node = self._look()
            if end.reached_by(node):
                return node
        raise NodeError(NOT_AS_ASKED, f"EC2 took every call, but the node is a {node.instance_type}, {node.state}")

    def _looks(self, timeout_s: float) -> Iterator[float]:
        """Yield the seconds waited so far, each time another look is due; at least once, and last at the timeout."""
        began, pause = self._world.clock(), min(_FIRST_PAUSE_S, self._pace.poll_s)
        while (waited_s := self._world.clock() - began) < timeout_s:
            yield waited_s
            jittered = pause * self._world.chance(0.8, 1.2)
            self._world.sleep(min(jittered, max(0.0, began + timeout_s - self._world.clock())))
            pause = min(pause * 1.5, self._pace.poll_s)
        yield waited_s

    def _look(self, tries: int = _TRIES) -> Node:
        """The node as EC2 describes it now. One look that fails is no reason to give up a resize."""
        node_id = self._prepared.node.id
        try:
            return next(node for node in self._nodes.nodes() if node.id == node_id)
        except StopIteration:
            raise NodeError("InvalidInstanceID.NotFound", f"{node_id} is gone, or lost its tags") from None
        except NodeError:
            if tries == 1:
                raise
            self._world.sleep(self._pace.poll_s)
            return self._look(tries - 1)


def _told(node_id: str, left: Node | None, was: Goal) -> str:
    """What a person has to know, and to do, when a node could not be put back."""
    stop = f"`aws ec2 stop-instances --instance-ids {node_id}` ends its costs."
    if left is None:
        return f"How it is now is unknown, it may be running: look at it in the EC2 console; {stop}"
    cost = "" if left.state is NodeState.STOPPED else f" {stop}"
    return (
        f"It is left {left.state} as {left.instance_type}; once EC2 answers, "
        f"ask for instance type {was.instance_type} and state {was.state}.{cost}"
    )

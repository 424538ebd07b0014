"""Carrying out a resize: the steps, the waits between them, and the way back when one fails."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.resize import Action, Goal, ResizeError, Step, Unfinished, steps_to
from tinyllama.domain.resize_advice import NO_CAPACITY, WAIT_TIMEOUT, advice
from tinyllama.resize.care import Care, Journal
from tinyllama.resize.prepare import Prepared
from tinyllama.resize.watch import Pace, Watch, World

if TYPE_CHECKING:  # the ports bring pydantic, for which every task of a runbook would wait
    from tinyllama.ports import ShapedNodes

_TRIES = 3


class Resize:
    """Carries out one prepared resize; `done` holds the steps that were begun."""

    def __init__(
        self,
        nodes: "ShapedNodes",
        prepared: Prepared,
        pace: Pace | None = None,
        world: World | None = None,
        *,
        care: Care | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._nodes, self._prepared = nodes, prepared
        self._pace, self._world = pace or Pace(), world or World()
        self._care, self._journal = care or Care(), journal
        self._watch = Watch(nodes, prepared.node.id, self._pace, self._world)
        self._touched = False
        self.done: list[Step] = []

    def carry_out(self) -> Node:
        """Do it, and return the node as EC2 then describes it.

        Raises:
            ResizeError: it failed; old type and state were restored, or the message says what is left.
        """
        prepared = self._prepared
        if self._journal and prepared.changes:
            self._journal.begin(prepared.node.id, Unfinished(prepared.was, prepared.goal))
        try:
            node = self._forward()
        except NodeError as error:
            failed = self._back(error)
            if failed.restored is not False:
                self._forget()
            raise failed from error
        finally:
            self._reopen()
        self._forget()
        return node

    def _forward(self) -> Node:
        """Take the steps; when there is no capacity for a type, try the next one of the ladder."""
        prepared, goal = self._prepared, self._prepared.goal
        steps: Sequence[Step] = prepared.steps
        if not steps:
            return prepared.node
        for rung in (*prepared.ladder, None):
            try:
                self._perform(steps)
                return self._watch.confirm(goal)
            except NodeError as error:
                if rung is None or error.code not in NO_CAPACITY:
                    raise
                self._world.tell(f"{error}; trying {rung}")
                goal = replace(goal, instance_type=rung)
                steps = steps_to(self._watch.look(), goal)
        raise AssertionError("the last rung returns or raises")

    def _reopen(self) -> None:
        # A node that is stopped leaves the door closed: who asks next wakes it.
        try:
            stopped = self._care.closed and self._watch.look(1).state in {NodeState.STOPPED, NodeState.STOPPING}
        except NodeError:
            stopped = False
        if not stopped:
            self._care.reopen()

    def _forget(self) -> None:
        if self._journal:
            self._journal.end(self._prepared.node.id)

    def _back(self, failure: NodeError) -> ResizeError:
        before, asked = self._prepared.node, self._prepared.goal
        what = f"{before.id} could not be changed to {asked}: {str(failure).rstrip('.')}."
        next_step = advice(failure.code, asked.instance_type, self._prepared.facts.zone)
        if not self._touched:
            return ResizeError(f"{what} Nothing was touched. {next_step}")
        was = self._prepared.was
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
            self._perform(steps_to(self._watch.look(), was))
            return self._watch.confirm(was)
        except NodeError as error:
            if tries == 1 or error.code == WAIT_TIMEOUT:
                raise
            self._world.tell(f"{error}; trying again")
            self._world.sleep(self._pace.poll_s)
            return self._restore(was, tries - 1)

    def _left(self) -> Node | None:
        try:
            return self._watch.look()
        except NodeError:
            return None

    def _perform(self, steps: Sequence[Step]) -> None:
        node_id = self._prepared.node.id
        for step in steps:
            self._world.tell(f"{node_id}: {step.action} {step.target} ({step.reason})")
            self.done.append(step)
            # Set before the call: an error may hide that EC2 had accepted it.
            self._touched = self._touched or step.changes
            match step.action:
                case Action.DRAIN:
                    self._drain()
                case Action.LEASE:
                    self._care.lease(node_id)
                case Action.STOP:
                    self._nodes.stop(node_id)
                case Action.START:
                    self._care.lease(node_id)  # first: nothing of ours may ever run without an end
                    self._nodes.start(node_id)
                case Action.SET_TYPE:
                    self._nodes.set_type(node_id, step.target)
                case Action.WAIT:
                    self._watch.wait(NodeState(step.target))

    def _drain(self) -> None:
        for waited_s in self._watch.looks(self._care.drain_s):
            if self._care.try_to_drain():
                return
            self._world.tell(f"waiting for jobs to finish, for {waited_s:.0f} s")
        raise self._care.too_busy()


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

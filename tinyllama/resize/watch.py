"""Looking at a node until it is as it shall be, or cannot become so any more."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyllama.domain.errors import NodeError
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.node_wait import LAG_S, Verdict, judge, on_its_way
from tinyllama.domain.resize import Goal
from tinyllama.domain.resize_advice import NOT_AS_ASKED, WAIT_FAILED, WAIT_TIMEOUT

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


class Watch:
    """Looks at one node."""

    def __init__(self, nodes: "ShapedNodes", node_id: str, pace: Pace, world: World) -> None:
        self._nodes, self._node_id = nodes, node_id
        self._pace, self._world = pace, world

    def wait(self, target: NodeState) -> None:
        """Return once the node is in that state. Raises `NodeError`."""
        moving, state = False, None
        for waited_s in self.looks(self._pace.timeout_s):
            now = self.look().state
            if now is not state:
                self._world.tell(f"waiting for {target}: {now} after {waited_s:.0f} s")
            state, moving = now, moving or on_its_way(target, now)
            verdict = judge(target, now, moving=moving, waited_s=waited_s)
            if verdict is Verdict.REACHED:
                return
            if verdict is Verdict.FAILED:
                raise NodeError(WAIT_FAILED, f"the node is {now}, where {target} cannot follow any more")
        raise NodeError(WAIT_TIMEOUT, f"still {state} after waiting {self._pace.timeout_s:.0f} s for {target}")

    def confirm(self, end: Goal) -> Node:
        """Return the node once EC2 describes it like that. Raises `NodeError`."""
        for _ in self.looks(LAG_S):
            node = self.look()
            if end.reached_by(node):
                return node
        raise NodeError(NOT_AS_ASKED, f"EC2 took every call, but the node is a {node.instance_type}, {node.state}")

    def looks(self, timeout_s: float) -> Iterator[float]:
        """Yield the seconds waited so far, each time another look is due; at least once, and last at the timeout."""
        began, pause = self._world.clock(), min(_FIRST_PAUSE_S, self._pace.poll_s)
        while (waited_s := self._world.clock() - began) < timeout_s:
            yield waited_s
            jittered = pause * self._world.chance(0.8, 1.2)
            self._world.sleep(min(jittered, max(0.0, began + timeout_s - self._world.clock())))
            pause = min(pause * 1.5, self._pace.poll_s)
        yield waited_s

    def look(self, tries: int = _TRIES) -> Node:
        """The node as EC2 describes it now. One look that fails is no reason to give up a resize."""
        try:
            return next(node for node in self._nodes.nodes() if node.id == self._node_id)
        except StopIteration:
            raise NodeError("InvalidInstanceID.NotFound", f"{self._node_id} is gone, or lost its tags") from None
        except NodeError:
            if tries == 1:
                raise
            self._world.sleep(self._pace.poll_s)
            return self.look(tries - 1)

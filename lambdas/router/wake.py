"""Waking the node for somebody who waits."""

import time
from collections.abc import Callable

from tinyllama.domain.errors import ApiError, ErrorCode, NodeError
from tinyllama.domain.metrics import Metric
from tinyllama.domain.node import WakeAction, WakeDecision, decide_wake, remaining_eta_s
from tinyllama.ports import Metrics, NodeControl

LOOK_LIFE_S = 2.0


class Waker:
    """Starts the node when it has to, and knows how long that takes.

    What EC2 said is remembered for `LOOK_LIFE_S`, or a GUI that polls would use up the account's EC2 request rate.
    """

    def __init__(
        self, nodes: Callable[[], NodeControl], boot_eta_s: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._nodes = nodes
        self._boot_eta_s = boot_eta_s
        self._clock = clock
        self._seen: WakeDecision | None = None
        self._seen_at = -float("inf")

    def look(self, *, fresh: bool = False) -> WakeDecision:
        """What would have to be done to get an answer from the node.

        Raises:
            ApiError: `start_failed` when EC2 does not answer.
        """
        now = self._clock()
        if fresh or self._seen is None or not 0 <= now - self._seen_at < LOOK_LIFE_S:
            try:
                self._seen = decide_wake(self._nodes().nodes(), worker_ready=False)
            except NodeError as error:
                raise ApiError(ErrorCode.START_FAILED, detail=str(error)) from error
            self._seen_at = now
        return self._seen

    def wake(self, metrics: Metrics, *, fresh: bool = False) -> int:
        """Start the node unless it is on its way; returns the seconds it will probably take.

        Raises:
            ApiError: `start_failed`, with EC2's own code and words in `detail`.
        """
        decision = self.look(fresh=fresh)
        if decision.node is None:
            raise ApiError(ErrorCode.START_FAILED, detail=f"{decision.reason}: no instance is tagged as the GPU node")
        if decision.action is WakeAction.START:
            self._start(decision.node.id, metrics)
        return self.eta_s(decision)

    def _start(self, node_id: str, metrics: Metrics) -> None:
        self._seen = None
        try:
            if self._nodes().start(node_id):
                metrics.count(Metric.EC2_STARTS, Reason="ColdBoot")
        except NodeError as error:
            # Somebody stopped it since we looked: the next poll finds it stopped and starts it.
            if error.code != "IncorrectInstanceState":
                raise ApiError(ErrorCode.START_FAILED, detail=str(error)) from error

    def eta_s(self, decision: WakeDecision) -> int:
        """Seconds until the node will probably serve."""
        return remaining_eta_s(decision.node, boot_s=self._boot_eta_s, now=self._clock())

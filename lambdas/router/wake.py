"""Waking the node for somebody who waits."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tinyllama.domain.boots import usual_boot_s
from tinyllama.domain.errors import ApiError, ErrorCode, LeaseError, NodeError, QueueUnavailableError
from tinyllama.domain.lease import LeasePolicy, first_end, rests_until
from tinyllama.domain.metrics import Metric
from tinyllama.domain.node import Node, WakeAction, WakeDecision, decide_wake, remaining_eta_s
from tinyllama.ports import BootTimes, Leases, Metrics, NodeControl

if TYPE_CHECKING:
    from tinyllama.domain.wake_switch import WakeSwitch

LOOK_LIFE_S = 2.0
PATIENCE_S = 5.0
"""A node is not started when what comes before took longer than this; so nobody waits for much more than twice that."""


class Waker:
    """Starts the node when it has to, never without a lease, and knows how long that takes.

    What EC2 said is remembered for `LOOK_LIFE_S`, or a GUI that polls would use up the account's EC2 request rate.
    """

    def __init__(
        self,
        nodes: Callable[[], NodeControl],
        leases: Callable[[], Leases],
        boots: BootTimes,
        *,
        switch: "Callable[[], WakeSwitch]",
        policy: LeasePolicy | None = None,
        boot_eta_s: int = 90,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._nodes = nodes
        self._leases = leases
        self._boots = boots
        self._switch = switch
        self._policy = policy or LeasePolicy()
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
                raise _start_failed(str(error)) from error
            self._seen_at = now
        return self._seen

    def wake(self, metrics: Metrics, *, fresh: bool = False) -> int:
        """Start the node unless it is on its way; returns the seconds it will probably take.

        Raises:
            ApiError: `start_failed`, with AWS's own code and words in `detail`; `budget_exhausted`.
        """
        began = self._clock()
        decision = self.look(fresh=fresh)
        if decision.node is None:
            raise _start_failed(f"{decision.reason}: no instance is tagged as the GPU node")
        if decision.action is WakeAction.START:
            self._seen = None
            self._permit()
            self._grant(decision.node)
            if self._clock() - began > PATIENCE_S:
                raise _start_failed("aws_slow: AWS takes too long to answer, try again")
            self._start(decision.node.id, metrics)
        return self.eta_s(decision)

    def _permit(self) -> None:
        """Ask the wake switch, before a cold start only; what cannot be read forbids it: the money cannot run away."""
        from tinyllama.domain.wake_switch import BUDGET, WakeSwitchError, resets, stamp  # noqa: PLC0415 -- for a cold start only

        now = datetime.fromtimestamp(self._clock(), UTC)
        try:
            switch = self._switch().at(now)
        except WakeSwitchError as error:
            raise _start_failed(f"wake_unknown: {error}") from error
        if not switch.enabled and switch.reason == BUDGET:
            raise ApiError(ErrorCode.BUDGET_EXHAUSTED, resets=stamp(switch.until or resets(now)))
        if not switch.enabled:
            raise _start_failed(f"wake_disabled: {switch}")

    def _grant(self, node: Node) -> None:
        now = self._clock()
        rest = rests_until(node, self._policy)
        if rest is not None and now < rest:
            until = datetime.fromtimestamp(rest, UTC).isoformat(timespec="seconds")
            raise _start_failed(f"daily_hours_used: the node has run for as long as it may in a day, until {until}")
        try:
            self._leases().grant(node.id, first_end(now, self._policy))
        except LeaseError as error:
            raise _start_failed(f"no_lease: {error}") from error

    def _start(self, node_id: str, metrics: Metrics) -> None:
        try:
            started = self._nodes().start(node_id)
        except NodeError as error:
            # The lease stays: another request may have started the node under it, and a stopped node is not harmed.
            if error.code != "IncorrectInstanceState":
                raise _start_failed(str(error)) from error
            return  # somebody stopped it since we looked: the next poll finds it stopped and starts it
        if started:
            metrics.count(Metric.EC2_STARTS, Reason="ColdBoot")
            with contextlib.suppress(QueueUnavailableError):  # the node starts all the same
                self._boots.begin()

    def eta_s(self, decision: WakeDecision) -> int:
        """Seconds until the node will probably serve."""
        boots: tuple[float, ...] = ()
        with contextlib.suppress(QueueUnavailableError):  # an estimate is not worth a failure
            boots = tuple(self._boots.recent())
        return remaining_eta_s(decision.node, boot_s=usual_boot_s(boots, self._boot_eta_s), now=self._clock())


def _start_failed(detail: str) -> ApiError:
    return ApiError(ErrorCode.START_FAILED, detail=detail)

"""The lease: until when a node may run before AWS itself stops it, whatever has become of us.

Times are whole seconds since the epoch where they leave this module, for that is what a schedule can hold.
"""

import math
from dataclasses import dataclass

from tinyllama.domain.node import Node

DAY_S = 86_400
SLACK_S = 60
"""EventBridge Scheduler calls its target within the minute that follows the time it was given."""
_USED_UP = 0.99
"""A run that came so close to its ceiling was ended by it."""


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """`length_s` is what a grant or a renewal gives; no lease ends later than `ceiling_s` after the boot."""

    length_s: int = 3_600
    ceiling_s: int = 10_800


def first_end(booted_at: float, policy: LeasePolicy) -> int:
    """When the lease ends that is granted before the node boots."""
    return math.floor(booted_at + min(policy.length_s, policy.ceiling_s))


def renewed_end(
    *, now: float, booted_at: float, ends_at: float, progress_at: float | None, policy: LeasePolicy
) -> int | None:
    """When the lease shall end from now on; None to leave it as it is.

    It is renewed when less than half is left and something useful was done within half a length. So a node
    keeps its lease through the longest idle window as long as that is no longer than half a lease. Progress
    in the future (a clock that jumped back) is not trusted, or it would count for as long as the jump was.
    """
    half = policy.length_s / 2
    worked = progress_at is not None and 0 <= now - progress_at < half
    if not worked or ends_at - now >= half:
        return None
    end = math.floor(min(now + policy.length_s, booted_at + policy.ceiling_s))
    return end if end > ends_at else None


def missing_end(*, now: float, booted_at: float, policy: LeasePolicy) -> int:
    """When a lease ends that is granted to a node found running without one.

    Somebody started it by hand, or its stop was tried and refused. Past the ceiling that is as soon as a
    schedule can be relied on to fire.
    """
    return max(math.ceil(now + SLACK_S), math.floor(min(now + policy.length_s, booted_at + policy.ceiling_s)))


def rests_until(node: Node, policy: LeasePolicy) -> float | None:
    """Until when a stopped node must not be started: one run up to the ceiling uses up a day's hours.

    Without this the next poll of a client that never stops asking would start the node again at once, and the
    ceiling would end nothing. None when the last run was shorter, or EC2 does not say how long it was, unless the
    node stopped itself: so ends a run that nothing else could end.
    """
    if node.stopped_itself:
        return node.launched_at + DAY_S
    if node.stopped_at is None or node.stopped_at - node.launched_at < _USED_UP * policy.ceiling_s:
        return None
    return node.launched_at + DAY_S

"""One authenticated request: who asks, what it works with, and what it costs."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.http import Request, Response
from lambdas.router.wake import Waker
from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.domain.metrics import Metric
from tinyllama.domain.throttle import Allowance
from tinyllama.ports import Admissions, DrainGate, Metrics, NodeControl, Principal, Throttle, TokenVerifier


@dataclass(frozen=True, slots=True)
class Adapters:
    """Everything outside that the routes use."""

    tokens: TokenVerifier
    queue: Admissions
    gate: DrainGate
    nodes: Callable[[], NodeControl]
    waker: Waker
    fallback: Throttle
    reply_bucket: str


@dataclass(slots=True)
class Trace:
    """What is known of a request beyond the request itself, for the log and for whoever answers when all else fails."""

    metrics: Metrics
    sub: str | None = None
    job_id: str | None = None
    wake_failed: str | None = None
    allowance: Allowance = Allowance.PROMPTS


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request with what it needs."""

    request: Request
    user: Principal
    out: Adapters
    trace: Trace


Route = Callable[[Call], Response]


def spend_token(call: Call, allowance: Allowance) -> None:
    """Spend one of the caller's tokens, or refuse."""
    if not call.out.queue.spend(call.user.sub, allowance):
        raise rate_limited(call.trace) from None


def rate_limited(trace: Trace) -> ApiError:
    """The refusal of a user who asks too often, which is counted."""
    trace.metrics.count(Metric.RATE_LIMIT_BREACHES)
    return ApiError(ErrorCode.RATE_LIMITED)


def polling(route: Route) -> Route:
    """A route that spends from the looser bucket."""

    @functools.wraps(route)
    def throttled(call: Call) -> Response:
        call.trace.allowance = Allowance.POLLS
        spend_token(call, Allowance.POLLS)
        return route(call)

    return throttled

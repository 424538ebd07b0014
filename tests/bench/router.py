"""The router's handler, warm, beside the same duties in FastAPI + Mangum and beside the least that must be done."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lambdas.router.handler import lambda_handler
from tests.bench.peers import fastapi_app
from tests.bench.peers.fastapi_duties import Duties
from tests.bench.peers.floor import floor
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, call_times, percentile, quiet, ratios, span
from tests.bench.world import World, accepted_event, rejected_event, world
from tests.tokens import key_set
from tinyllama.adapters.redis_link import RedisLink

ROUNDS, CALLS, PAUSE_US = 40, 100, 500
OURS, FLOOR = "router", "floor"
_FASTAPI, _ABOVE_FLOOR = Goal("ratio", "<=", 0.35), Goal("ratio", "<=", 2.0)

Handler = Callable[[Mapping[str, Any], object], Any]
Times = Mapping[str, Sequence[Sequence[float]]]


def measure(tell: Tell) -> Sequence[Row]:
    """Requests that are admitted, and requests whose token is refused."""
    with world() as place:
        handlers = _handlers(place)
        accepted, rejected = accepted_event(), rejected_event()
        _check(place, handlers, accepted, 202, "queued")
        _check(place, handlers, rejected, 403, "invalid_token")
        calls: dict[str, Callable[[], object]] = {
            name: partial(handle, accepted, None) for name, handle in handlers.items()
        }
        calls[FLOOR] = floor(RedisLink("127.0.0.1", place.port, timeout_s=0.5))
        served = call_times(calls, rounds=ROUNDS, calls=CALLS, before=place.renew, tell=tell, pause_us=PAUSE_US)
        refusals = {name: partial(handle, rejected, None) for name, handle in handlers.items()}
        refused = call_times(refusals, rounds=ROUNDS // 2, calls=CALLS, before=place.renew, tell=tell)
    return [*_rows(served), _against_fastapi("p50 of a refused token", refused, 50, None)]


def _handlers(place: World) -> dict[str, Handler]:
    duties = Duties(place.client(), key_set())
    return {
        OURS: lambda_handler,
        "def": fastapi_app.synchronous(duties),
        "async def": fastapi_app.asynchronous(duties),
    }


def _check(place: World, handlers: Mapping[str, Handler], event: Mapping[str, Any], status: int, word: str) -> None:
    """Everybody gives the same answer and leaves the same in Redis, or no figure means anything."""
    with place.client() as client:
        for name, handle in handlers.items():
            place.renew()
            with quiet():
                answer = handle(event, None)
            found = answer["statusCode"], word in json.loads(answer["body"]).values(), client.xlen("jobs")
            if found != (status, True, int(status == 202)):
                raise RuntimeError(f"{name} does not do its duty: {answer} with {found[2]} jobs queued")


def _rows(times: Times) -> list[Row]:
    return [
        _against_fastapi("warm p50", times, 50, _FASTAPI),
        _against_floor("warm p50", times, 50, _ABOVE_FLOOR),
        _against_fastapi("warm p95", times, 95, None),
        _against_floor("warm p95", times, 95, None),
    ]


def _against_fastapi(what: str, times: Times, percent: int, goal: Goal | None) -> Row:
    """Against whichever of their two flavours is faster."""
    flavours = [name for name in times if name not in {OURS, FLOOR}]
    best = min(flavours, key=lambda name: percentile(times[name], percent))
    return _row(f"{what}, FastAPI + Mangum", times, best, percent, goal)


def _against_floor(what: str, times: Times, percent: int, goal: Goal | None) -> Row:
    return _row(f"{what}, one RS256 check + one script call", times, FLOOR, percent, goal)


def _row(what: str, times: Times, other: str, percent: int, goal: Goal | None) -> Row:
    ours, theirs = times[OURS], times[other]
    spread = f"{span(ratios(ours, theirs, percent))} of {other}"
    return row(
        f"router: {what}", percentile(ours, percent), percentile(theirs, percent), "µs", goal=goal, spread=spread
    )

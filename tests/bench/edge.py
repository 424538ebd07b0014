"""What a user of the API waits for besides the warm path: a container's first request, and a refused token.

Beside FastAPI + Mangum and beside AWS Powertools' resolver, all in turns: processes of their own for everything cold.
"""

import functools
import http.server
import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from lambdas.router.handler import lambda_handler
from tests.bench.peers.cold import CONTESTANTS
from tests.bench.peers.powertools_app import application
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, call_times, in_turns, percentile, quiet, ratios, span
from tests.bench.world import BUCKET, LIMITS, World, accepted_event, rejected_event, world
from tests.tokens import AUDIENCE, ISSUER, key_set
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink

STARTS, ROUNDS, CALLS = 15, 20, 100
OURS, REFUSED, RESOLVER = "router", "router, token refused", "powertools"
_HALF, _QUARTER = Goal("ratio", "<=", 0.5), Goal("ratio", "<=", 0.25)
_PEERS = {
    "fastapi": ("FastAPI + Mangum", _HALF),
    "powertools": ("Powertools' resolver", None),
    "with_logger_and_metrics": ("with Powertools' Logger and Metrics", None),
    "with_tracer": ("with its Tracer too", None),
}
Handler = Callable[[Mapping[str, Any], object], Any]
Starts = Mapping[str, Sequence[Mapping[str, float]]]


def measure(tell: Tell) -> Sequence[Row]:
    """Cold starts, then warm requests."""
    with world() as place:
        starts = _starts(place, tell)
        times = _times(place, tell)
    cold = [_cold_row(starts, name, key) for key in ("first_ms", "import_ms") for name in _PEERS]
    return [*cold, *_warm_rows(times)]


def _starts(place: World, tell: Tell) -> Starts:
    """Milliseconds of each start; the first round is warm-up, and compiles what is not compiled yet."""
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in CONTESTANTS}
    event = json.dumps(accepted_event())
    with _key_server() as url:
        environment = {**os.environ, "JWKS_URL": url}
        for number, name in in_turns(list(CONTESTANTS), STARTS + 1):
            tell(f"start {number} of {STARTS}: {name}")
            place.renew()
            taken[name].append(_start(name, event, environment))
    return {name: values[1:] for name, values in taken.items()}


def _start(name: str, event: str, environment: Mapping[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.peers.cold", name]
    done = subprocess.run(command, input=event, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    if found["status"] != 202:
        raise RuntimeError(f"{name} does not do its duty: {found}")
    return found


class _Keys(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """The pool's key set."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(key_set()).encode())

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def _key_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Keys) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        finally:
            server.shutdown()
            thread.join()


def _times(place: World, tell: Tell) -> dict[str, list[list[float]]]:
    """Microseconds of warm requests."""
    tokens = CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set))
    resolver = application(tokens, RedisAdmissions(RedisLink("127.0.0.1", place.port, timeout_s=0.5), LIMITS), BUCKET)
    accepted, rejected = accepted_event(), rejected_event()
    calls: dict[str, tuple[Handler, Mapping[str, Any], int]] = {
        OURS: (lambda_handler, accepted, 202),
        REFUSED: (lambda_handler, rejected, 403),
        RESOLVER: (resolver, accepted, 202),
        f"{RESOLVER}, token refused": (resolver, rejected, 403),
    }
    place.renew()
    for name, (handle, event, status) in calls.items():
        with quiet():
            answer = handle(event, None)
        if answer["statusCode"] != status:
            raise RuntimeError(f"{name} does not do its duty: {answer}")
    contestants = {name: partial(handle, event, None) for name, (handle, event, _) in calls.items()}
    return call_times(contestants, rounds=ROUNDS, calls=CALLS, before=place.renew, tell=tell)


def _cold_row(starts: Starts, name: str, key: str) -> Row:
    ours, theirs = ([one[key] for one in starts[who]] for who in (OURS, name))
    what = "cold start to the first answer" if key == "first_ms" else "cold import"
    peer, goal = _PEERS[name]
    spread = span([mine / other for mine, other in zip(ours, theirs, strict=True)])
    figures = statistics.median(ours), statistics.median(theirs)
    return row(f"edge: {what}, {peer}", *figures, "CPU ms", goal=goal, spread=spread)


def _warm_rows(times: Mapping[str, Sequence[Sequence[float]]]) -> list[Row]:
    return [
        _warm_row("p50 of a refused token, an accepted request", times, REFUSED, OURS, _QUARTER),
        _warm_row("warm p50, Powertools' resolver", times, OURS, RESOLVER, None),
        _warm_row("p50 of a refused token, Powertools' resolver", times, REFUSED, f"{RESOLVER}, token refused", None),
    ]


def _warm_row(
    what: str, times: Mapping[str, Sequence[Sequence[float]]], one: str, other: str, goal: Goal | None
) -> Row:
    ours, theirs = times[one], times[other]
    figures = percentile(ours, 50), percentile(theirs, 50)
    return row(f"edge: {what}", *figures, "µs", goal=goal, spread=span(ratios(ours, theirs)))

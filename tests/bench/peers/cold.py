"""One contestant in a fresh process: `python -m tests.bench.peers.cold NAME < EVENT`.

Prints the milliseconds that its import took, those until its first answer (import included), and the answer's status.
They are the processor's, which is what a function's memory size buys: waiting for a disk here tells nothing
about Lambda. What a contestant is made of is imported while the clock runs, and nothing else is.
"""

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

Handler = Callable[[Any, Any], Any]
Late = Callable[[], Handler]
"""What is left to do once everything is imported: Lambda would do it before the first request as well."""


def router() -> Late:
    """Ours."""
    from lambdas.router.handler import lambda_handler  # noqa: PLC0415 -- the clock runs

    return lambda: lambda_handler


def with_logger_and_metrics() -> Late:
    """Ours, and what Powertools logs and measures with."""
    late = router()
    from aws_lambda_powertools import Logger, Metrics  # noqa: PLC0415 -- the clock runs

    Logger(service="router"), Metrics(namespace="TLFIF", service="router")
    return late


def with_tracer() -> Late:
    """Ours, and all three of Powertools."""
    late = with_logger_and_metrics()
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 -- the clock runs

    Tracer(service="router", disabled=False, auto_patch=False)
    return late


def fastapi() -> Late:
    """FastAPI + Mangum."""
    import redis  # noqa: PLC0415 -- the clock runs

    _spare_the_peer_our_bench()
    from tests.bench.peers import fastapi_app  # noqa: PLC0415 -- the clock runs
    from tests.bench.peers.fastapi_duties import Duties  # noqa: PLC0415 -- the clock runs
    from tinyllama.adapters.key_set import http_keys  # noqa: PLC0415 -- the clock runs

    def late() -> Handler:
        client = redis.Redis(port=int(os.environ["REDIS_PORT"]), decode_responses=True)
        return fastapi_app.asynchronous(Duties(client, http_keys(os.environ["JWKS_URL"])()))

    return late


def _spare_the_peer_our_bench() -> None:
    """Constants of the bench's that the peer reads, without the modules that they are in."""
    from tinyllama.domain.limits import QueueLimits  # noqa: PLC0415 -- the clock runs

    world, tokens = ModuleType("tests.bench.world"), ModuleType("tests.tokens")
    vars(world).update(BUCKET=os.environ["REPLY_BUCKET"], LIMITS=QueueLimits())
    vars(tokens).update(AUDIENCE=os.environ["COGNITO_AUD"], ISSUER=os.environ["COGNITO_ISSUER"])
    sys.modules |= {"tests.bench.world": world, "tests.tokens": tokens}


def powertools() -> Late:
    """AWS Powertools' resolver."""
    from tests.bench.peers.powertools_app import application  # noqa: PLC0415 -- the clock runs
    from tinyllama.adapters.cognito import CognitoVerifier  # noqa: PLC0415 -- the clock runs
    from tinyllama.adapters.key_set import KeySet, http_keys  # noqa: PLC0415 -- the clock runs
    from tinyllama.adapters.redis_admissions import RedisAdmissions  # noqa: PLC0415 -- the clock runs
    from tinyllama.adapters.redis_link import RedisLink  # noqa: PLC0415 -- the clock runs

    def late() -> Handler:
        env = os.environ
        tokens = CognitoVerifier(env["COGNITO_ISSUER"], env["COGNITO_AUD"], KeySet(http_keys(env["JWKS_URL"])))
        queue = RedisAdmissions(RedisLink("127.0.0.1", int(env["REDIS_PORT"]), timeout_s=1))
        return application(tokens, queue, env["REPLY_BUCKET"])

    return late


CONTESTANTS: Mapping[str, Callable[[], Late]] = {
    one.__name__: one for one in (router, fastapi, powertools, with_logger_and_metrics, with_tracer)
}


def main() -> None:
    """Measure the one that is named."""
    event, contestant = json.load(sys.stdin), CONTESTANTS[sys.argv[1]]
    started = time.process_time()
    late = contestant()
    imported = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        answer = late()(event, None)
    answered = time.process_time()
    figures = {"import_ms": (imported - started) * 1000, "first_ms": (answered - started) * 1000}
    json.dump({**figures, "status": answer["statusCode"]}, sys.stdout)


if __name__ == "__main__":
    main()

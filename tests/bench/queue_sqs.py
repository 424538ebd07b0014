"""Our other queue, SQS and DynamoDB, beside SQS alone, both on the local AWS.

No goals beside it: what is measured is how much our promises add, in calls to a simulator on the producer's core. On
AWS each call takes the network's milliseconds instead. A worker that waits costs what it costs on AWS.
"""

import contextlib
import statistics
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import boto3

from local.addresses import CREDENTIALS
from local.aws.queue import create_queue
from tests.bench.queue_contestants import SLOTS, Contestant, core, peer, playing
from tests.bench.queue_cost import idle_rows
from tests.bench.rows import Row, row
from tests.bench.timing import Tell, in_turns, percentile, ratios, span
from tests.bench.worker_world import part
from tinyllama.adapters.aws_json import AwsJson, Keys
from tinyllama.adapters.queues import api_queue
from tinyllama.settings import QueueSettings

REGION = "eu-central-1"
OURS, FLOOR = "ours", "SendMessage, ReceiveMessage, DeleteMessage"
CONTESTANTS: dict[str, Contestant] = {
    OURS: peer("ours_sqs", "python", "-m", "@_worker", str(SLOTS), environment=""),
    FLOOR: peer("floor_sqs_peer", "python", "-m", "@", environment=""),
}
ROUNDS, JOBS, PAUSE_S, WARM_UP, SECONDS = 3, 50, 0.02, 5, 2.0
IN_FLIGHT = (1, 10)


def measure(tell: Tell) -> Sequence[Row]:
    """Both in turns, each on a queue and a table of its own."""
    started: dict[str, list[list[float]]] = {name: [] for name in CONTESTANTS}
    rates: dict[tuple[str, int], list[float]] = {(name, count): [] for name in CONTESTANTS for count in IN_FLIGHT}
    with _aws() as settings:
        for number, name in in_turns(list(CONTESTANTS), ROUNDS):
            tell(f"round {number + 1} of {ROUNDS}: {name}")
            with playing(CONTESTANTS[name], _queue(settings), pinned=True) as producer:
                producer.latency(WARM_UP, 0.0)
                started[name].append(producer.latency(JOBS, PAUSE_S))
                for count in IN_FLIGHT:
                    rates[name, count].append(producer.rate(count, SECONDS))
        waiting = _waiting(_queue(settings), tell)
    return [*_started(started), *(_rate(rates, count) for count in IN_FLIGHT), *waiting]


def _waiting(queue: dict[str, str], tell: Tell) -> list[Row]:
    keys, where = Keys("testing", "testing", None), QueueSettings.from_env(queue)
    aws = AwsJson(REGION, timeout_s=5, keys=lambda: keys, endpoint_url=queue["AWS_ENDPOINT_URL"])
    return idle_rows("queue_sqs", queue, api_queue(where, redis_timeout_s=5, aws=aws).admissions, tell)


@contextlib.contextmanager
def _aws() -> Iterator[dict[str, str]]:
    """A local AWS on the producer's core, until the context ends."""
    with contextlib.ExitStack() as stack:
        with core(0):
            url = stack.enter_context(part("local.aws"))
        yield {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


def _queue(settings: dict[str, str]) -> dict[str, str]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    session = boto3.Session("testing", "testing", region_name=REGION)
    sqs, dynamodb = (session.client(service, endpoint_url=settings["AWS_ENDPOINT_URL"]) for service in _SERVICES)
    url, table = create_queue(sqs, dynamodb, queue=name, table=name)
    return {**settings, "TL_QUEUE": "sqs", "QUEUE_URL": url, "QUEUE_TABLE": table}


_SERVICES: Any = ("sqs", "dynamodb")


def _started(seen: dict[str, list[list[float]]]) -> Iterator[Row]:
    for percent in (50, 95):
        ours, floor = percentile(seen[OURS], percent), percentile(seen[FLOOR], percent)
        spread = span(ratios(seen[OURS], seen[FLOOR], percent))
        yield row(f"queue_sqs: enqueue to handler start p{percent}, {FLOOR}", ours, floor, "µs", spread=spread)


def _rate(seen: dict[tuple[str, int], list[float]], count: int) -> Row:
    ours, floor = seen[OURS, count], seen[FLOOR, count]
    spread = span([one / another for one, another in zip(ours, floor, strict=True)])
    figures = statistics.median(ours), statistics.median(floor)
    return row(f"queue_sqs: jobs/s with {count} in flight, {FLOOR}", *figures, "jobs/s", spread=spread)

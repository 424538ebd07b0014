"""Which queue a process works on: the one place that turns `TL_QUEUE` into adapters.

Nothing of the other queue is imported: a router on Redis never pays for botocore, one on SQS never for Redis.
"""

from typing import TYPE_CHECKING, NamedTuple, Protocol

from tinyllama.domain.limits import DispatchLimits, QueueLimits
from tinyllama.ports import Admissions, BootTimes, Dispatch, DrainGate, QueueProbe

if TYPE_CHECKING:
    from tinyllama.adapters.aws_json import AwsJson
    from tinyllama.adapters.dynamo_jobs import DynamoJobs
    from tinyllama.adapters.sqs_messages import SqsMessages

SQS_CLAIM_WAIT_S = 2.0
"""How long a worker listens at a time: each is a request that is paid for."""


class QueueChoice(Protocol):
    """Where the queue is: `tinyllama.settings.QueueSettings`."""

    @property
    def tl_queue(self) -> str: ...
    @property
    def redis_host(self) -> str: ...
    @property
    def redis_port(self) -> int: ...
    @property
    def queue_url(self) -> str: ...
    @property
    def queue_table(self) -> str: ...
    @property
    def aws_region(self) -> str: ...
    @property
    def queue_timeout_s(self) -> float: ...


class ApiQueue(NamedTuple):
    """The API's sides of one queue."""

    admissions: Admissions
    gate: DrainGate
    boots: BootTimes


def load(kind: str) -> None:
    """Import what `api_queue` needs: Lambda starts a container with more CPU than it answers the first request."""
    if kind == "sqs":
        from tinyllama.adapters import aws_json, dynamo_boots, sqs_admissions  # noqa: F401, PLC0415
    else:
        from tinyllama.adapters import redis_admissions, redis_boots, redis_link  # noqa: F401, PLC0415


def api_queue(
    env: QueueChoice, *, redis_timeout_s: float, limits: QueueLimits | None = None, aws: "AwsJson | None" = None
) -> ApiQueue:
    """The queue as the API uses it; connects when something is asked, through `aws` if that is given."""
    if env.tl_queue == "sqs":
        from tinyllama.adapters.dynamo_boots import DynamoBootTimes  # noqa: PLC0415
        from tinyllama.adapters.sqs_admissions import SqsAdmissions, SqsDrainGate  # noqa: PLC0415

        jobs, messages = _sqs(env, aws)
        return ApiQueue(SqsAdmissions(jobs, messages, limits), SqsDrainGate(jobs), DynamoBootTimes(jobs))
    from tinyllama.adapters.redis_admissions import RedisAdmissions, RedisDrainGate  # noqa: PLC0415
    from tinyllama.adapters.redis_boots import RedisBootTimes  # noqa: PLC0415
    from tinyllama.adapters.redis_link import RedisLink  # noqa: PLC0415

    link = RedisLink(env.redis_host, env.redis_port, timeout_s=redis_timeout_s)
    return ApiQueue(RedisAdmissions(link, limits), RedisDrainGate(link), RedisBootTimes(link))


def probe(env: QueueChoice, *, redis_timeout_s: float) -> QueueProbe:
    """What looks at the queue from outside."""
    if env.tl_queue == "sqs":
        from tinyllama.adapters.sqs_probe import SqsProbe  # noqa: PLC0415

        return SqsProbe(*_sqs(env))
    from tinyllama.adapters.redis_link import RedisLink  # noqa: PLC0415
    from tinyllama.adapters.redis_probe import RedisProbe  # noqa: PLC0415

    return RedisProbe(RedisLink(env.redis_host, env.redis_port, timeout_s=redis_timeout_s))


def dispatch(env: QueueChoice, name: str, limits: DispatchLimits) -> Dispatch:
    """The queue as the worker called `name` uses it."""
    if env.tl_queue == "sqs":
        from tinyllama.adapters.sqs_dispatch import SqsDispatch  # noqa: PLC0415

        return SqsDispatch(*_sqs(env), limits)
    from tinyllama.adapters import redis_dispatch  # noqa: PLC0415

    link = redis_dispatch.connect(env.redis_host, env.redis_port)
    return redis_dispatch.RedisDispatch(link, name, limits)


def _sqs(env: QueueChoice, aws: "AwsJson | None" = None) -> "tuple[DynamoJobs, SqsMessages]":
    from tinyllama.adapters.aws_json import AwsJson  # noqa: PLC0415
    from tinyllama.adapters.dynamo_jobs import DynamoJobs  # noqa: PLC0415
    from tinyllama.adapters.dynamo_table import DynamoTable  # noqa: PLC0415
    from tinyllama.adapters.sqs_messages import SqsMessages  # noqa: PLC0415

    aws = aws or AwsJson(env.aws_region, timeout_s=env.queue_timeout_s)
    return DynamoJobs(DynamoTable(aws, env.queue_table)), SqsMessages(aws, env.queue_url)

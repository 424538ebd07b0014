"""`tl status`: what runs, since when, where, and what the node is doing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from local.addresses import CREDENTIALS, account_of, function_environment
from local.state import Queue, State
from tinyllama.ports import Admissions

QUEUES = {Queue.REDIS: "Redis (TL_QUEUE=redis)", Queue.SQS: "SQS and DynamoDB (TL_QUEUE=sqs)"}


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The node as EC2 and the queue see it; what could not be found out is None."""

    id: str
    state: str | None
    instance_type: str | None
    worker_ready: bool | None
    queue_depth: int | None


def look(state: State) -> NodeReport:
    """Ask EC2 and the queue; a part that does not answer leaves its fields empty."""
    from tinyllama.domain.errors import QueueUnavailableError  # noqa: PLC0415 -- for one command of many

    ready, depth = None, None
    try:
        snapshot = _queue(state).snapshot()
        ready, depth = snapshot.worker_ready, snapshot.depth
    except QueueUnavailableError:
        pass
    found = _instance(state)
    name = found.get("State", {}).get("Name")
    return NodeReport(account_of(state).instance_id, name, found.get("InstanceType"), ready, depth)


def _queue(state: State) -> Admissions:
    from tinyllama.adapters import queues  # noqa: PLC0415 -- for one command of many
    from tinyllama.adapters.aws_json import AwsJson, Keys  # noqa: PLC0415
    from tinyllama.settings import QueueSettings  # noqa: PLC0415

    keys = Keys(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], None)
    aws = AwsJson(account_of(state).region, timeout_s=1, keys=lambda: keys, endpoint_url=state.aws_url)
    env = QueueSettings.from_env(function_environment(state))
    return queues.api_queue(env, redis_timeout_s=1, aws=aws).admissions


def _instance(state: State) -> Mapping[str, Any]:
    import boto3  # noqa: PLC0415 -- slow to import, and for one command of many
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    account = account_of(state)
    ec2 = boto3.client(
        "ec2",
        region_name=account.region,
        endpoint_url=state.aws_url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}),
    )
    try:
        reservations = ec2.describe_instances(InstanceIds=[account.instance_id])["Reservations"]
        return dict(reservations[0]["Instances"][0])
    except (BotoCoreError, ClientError, IndexError):
        return {}


def as_dict(state: State, node: NodeReport) -> dict[str, Any]:
    """For `tl status --json`."""
    parts = [
        {
            "name": part.name,
            "pid": part.process.pid,
            "alive": part.process.find() is not None,
            "since": _moment(part.since).isoformat(timespec="seconds"),
            "address": part.address,
        }
        for part in state.parts
    ]
    return {
        "status": state.phase.value,
        "api_url": state.api_url,
        "queue": state.options.queue,
        "parts": parts,
        "node": asdict(node),
    }


def as_table(state: State, node: NodeReport) -> Table:
    """For people."""
    table = Table(box=None, pad_edge=False)
    for column in ("part", "state", "pid", "since", "address"):
        table.add_column(column)
    for part in state.parts:
        mood = "[green]up[/]" if part.process.find() else "[red]gone[/]"
        since = f"{_moment(part.since).astimezone():%H:%M:%S}"
        table.add_row(part.name, mood, str(part.process.pid), since, part.address)
    table.add_row("instance", _known(node.state), "", "", f"{node.id} ({_known(node.instance_type)})")
    worker = {True: "[green]ready[/]", False: "asleep", None: "unknown"}[node.worker_ready]
    table.add_row("worker", worker, "", "", f"{_known(node.queue_depth)} queued or in flight")
    table.add_row("queue", "", "", "", QUEUES[state.options.queue])
    return table


def _known(value: object) -> str:
    return "unknown" if value is None else str(value)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

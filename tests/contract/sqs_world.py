"""The SQS queue on the strict local AWS, as a world with power over time."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from moto.sqs.models import sqs_backends

from local.aws.queue import ACCOUNT_ID, create_queue
from local.aws.server import REGION, StrictAws
from tests.contract.worlds import GENEROUS
from tinyllama.adapters.aws_json import AwsJson, Keys
from tinyllama.adapters.dynamo_boots import BOOTS, DynamoBootTimes
from tinyllama.adapters.dynamo_jobs import DynamoJobs, state_key
from tinyllama.adapters.dynamo_table import DynamoTable, update
from tinyllama.adapters.sqs_admissions import SqsAdmissions, SqsDrainGate
from tinyllama.adapters.sqs_dispatch import SqsDispatch
from tinyllama.adapters.sqs_messages import SqsMessages
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.limits import DispatchLimits, QueueLimits
from tinyllama.ports import Admissions, BootTimes, Dispatch, DrainGate


def client(aws: StrictAws, *, timeout_s: float = 5.0) -> AwsJson:
    """Calls that local AWS."""
    return AwsJson(REGION, timeout_s=timeout_s, keys=lambda: Keys("testing", "testing", None), endpoint_url=aws.url)


class SqsWorld:
    """A queue and a table of its own."""

    def __init__(self, aws: StrictAws) -> None:
        self.aws = aws
        self.name = f"q{uuid.uuid4().hex[:12]}"
        self.queue_url, self.table_name = create_queue(
            aws.client("sqs"), aws.client("dynamodb"), queue=self.name, table=self.name
        )
        self.calls = client(aws)
        self.table = DynamoTable(self.calls, self.table_name)
        self.jobs = DynamoJobs(self.table)
        self.messages = SqsMessages(self.calls, self.queue_url)
        self._made: list[SqsDispatch] = []

    def admissions(self, limits: QueueLimits = GENEROUS) -> Admissions:
        return SqsAdmissions(self.jobs, self.messages, limits)

    def gate(self) -> DrainGate:
        return SqsDrainGate(self.jobs)

    def dispatch(self, name: str = "worker-1", limits: DispatchLimits | None = None) -> Dispatch:
        self._made.append(SqsDispatch(self.jobs, self.messages, limits))
        return self._made[-1]

    def boots(self) -> BootTimes:
        return DynamoBootTimes(self.jobs)

    async def antedate_wake(self, seconds: float) -> None:
        self.table.write(update(BOOTS, "SET woken_at=woken_at-:ms", {"ms": round(seconds * 1000)}))

    async def expire(self, job_id: str) -> None:
        self.table.write(update(state_key(job_id), "SET expires_at=:past", {"past": 1}))

    async def lapse_leases(self) -> None:
        for job_id, state in self.jobs.live().items():
            if state["job_status"] == JobStatus.RUNNING:
                self.table.write(update(state_key(job_id), "SET lease_until=:past", {"past": 1}))
        self.show_messages()

    def show_messages(self) -> None:
        """Let the visibility timeout of every message pass."""
        for message in sqs_backends[ACCOUNT_ID][REGION].get_queue(self.name)._messages:
            message.visible_at = 0

    async def close(self) -> None:
        for dispatch in self._made:
            await dispatch.close()
        self.calls.close()


@asynccontextmanager
async def sqs_world(aws: StrictAws) -> AsyncIterator[SqsWorld]:
    world = SqsWorld(aws)
    try:
        yield world
    finally:
        await world.close()
        aws.clear()

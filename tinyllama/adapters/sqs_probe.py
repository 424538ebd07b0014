"""Measures how fast DynamoDB answers, and asks SQS what waits."""

import time
from collections.abc import Callable

from tinyllama.adapters.dynamo_jobs import DynamoJobs
from tinyllama.adapters.sqs_messages import SqsMessages
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.queue_health import Measurement


class SqsProbe:
    """`QueueProbe` on SQS and DynamoDB. `clock` gives seconds."""

    def __init__(self, jobs: DynamoJobs, messages: SqsMessages, clock: Callable[[], float] = time.perf_counter) -> None:
        self._jobs = jobs
        self._messages = messages
        self._clock = clock

    def measure(self) -> Measurement:
        try:
            self._jobs.door()  # whatever connecting costs is not the queue's latency
            started = self._clock()
            self._jobs.door()
            latency_ms = (self._clock() - started) * 1000
            waiting, hidden = self._messages.count()
        except QueueUnavailableError as error:
            return Measurement(error=str(error))
        return Measurement(latency_ms, f"about {waiting} messages wait, {hidden} are in flight")

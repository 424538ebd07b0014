"""Our producer on SQS and DynamoDB; its settings are the router's own."""

from tests.bench.peers.queue.admitting import LIMITS, admit
from tinyllama.adapters.queues import api_queue
from tinyllama.settings import QueueSettings

SETTINGS = QueueSettings.from_env()
admissions = api_queue(SETTINGS, redis_timeout_s=5, limits=LIMITS).admissions


def enqueue(number: int) -> None:
    """Admit a job; its prompt is its number."""
    admit(admissions, number)

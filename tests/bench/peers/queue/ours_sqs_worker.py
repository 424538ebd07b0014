"""Our worker on SQS and DynamoDB: `python -m tests.bench.peers.queue.ours_sqs_worker SLOTS`."""

import sys

from tests.bench.peers.queue.instant_worker import work
from tests.bench.peers.queue.ours_sqs import SETTINGS
from tinyllama.adapters.queues import dispatch
from tinyllama.domain.limits import DispatchLimits

if __name__ == "__main__":
    work(lambda name: dispatch(SETTINGS, name, DispatchLimits()), int(sys.argv[1]))

"""Our worker on Redis: `python -m tests.bench.peers.queue.ours_worker SLOTS`."""

import sys

from tests.bench.peers.queue.instant_worker import work
from tests.bench.peers.queue.ours import HOST, PORT
from tinyllama.adapters.redis_dispatch import RedisDispatch, connect

if __name__ == "__main__":
    work(lambda name: RedisDispatch(connect(HOST, PORT), name), int(sys.argv[1]))

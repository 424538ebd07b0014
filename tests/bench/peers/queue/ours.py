"""Our producer on Redis: admission as the router does it."""

import os
from urllib.parse import urlsplit

from tests.bench.peers.queue.admitting import LIMITS, admit
from tests.bench.peers.queue.bell import REDIS
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink

_place = urlsplit(os.environ[REDIS])
HOST, PORT = str(_place.hostname), int(_place.port or 6379)
admissions = RedisAdmissions(RedisLink(HOST, PORT, timeout_s=5), LIMITS)


def enqueue(number: int) -> None:
    """Admit a job; its prompt is its number."""
    admit(admissions, number)

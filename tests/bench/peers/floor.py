"""The least that has to be done for a request: one signature, one script in Redis."""

import base64
import itertools
import json
import uuid
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests import tokens
from tests.bench.world import LIMITS, PROMPT
from tinyllama.adapters.redis_scripts import DRAINING, JOBS, WORKERS, Link, job_key, state_key, throttle_key


def floor(link: Link) -> Callable[[], object]:
    """One RS256 verification and one call of the admission script; everything else is done beforehand."""
    signed, _, signature = tokens.token().rpartition(".")
    message, proof = signed.encode(), base64.urlsafe_b64decode(signature + "==")
    public, padding, digest = tokens.key(tokens.KID).public_key(), PKCS1v15(), SHA256()
    prepared = _calls()

    def call() -> object:
        public.verify(proof, message, padding, digest)
        return link.run("admit", *next(prepared))

    return call


def _calls() -> Iterator[tuple[list[str], tuple[str | int, ...]]]:
    """Keys and arguments of admissions, made in advance by the thousand."""
    while True:
        yield from [_admission(str(uuid.uuid4())) for _ in itertools.repeat(None, 1_000)]


def _admission(job_id: str) -> tuple[list[str], tuple[str | int, ...]]:
    keys = [throttle_key("sub-alice"), JOBS, job_key(job_id), state_key(job_id), WORKERS, DRAINING]
    job = {"id": job_id, "prompt": PROMPT, "idle": 5, "reply_s3": f"s3://b/{job_id}.json", "ts": 1, "sub": "sub-alice"}
    lives = (LIMITS.max_queued, LIMITS.job_ttl_s, LIMITS.state_kept_s)
    throttle = LIMITS.throttle
    return keys, (throttle.burst, throttle.interval_ms, *lives, job_id, "sub-alice", json.dumps(job))

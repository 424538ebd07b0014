"""The router's duties as a FastAPI application's author would do them: PyJWT, pydantic, redis-py."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import redis
from fastapi import HTTPException

from tests.bench.world import BUCKET, LIMITS
from tests.tokens import AUDIENCE, ISSUER
from tinyllama.adapters.redis_scripts import DRAINING, JOBS, WORKERS, job_key, source, state_key, throttle_key
from tinyllama.domain.jobs import Job, reply_url
from tinyllama.domain.requests import InferRequest

_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "token_use"]


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    sub: str
    groups: frozenset[str]


class Duties:
    """What both flavours of the application do for a request."""

    def __init__(self, client: "redis.Redis", keys: Mapping[str, Any]) -> None:
        self._admit = client.register_script(source("admit"))
        self._keys = {key["kid"]: jwt.PyJWK(dict(key), algorithm="RS256").key for key in keys["keys"]}

    def user(self, authorization: str | None) -> User:
        """Verify the ID token."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise HTTPException(401, "missing_token")
        try:
            header = jwt.get_unverified_header(token)
            claims = self._claims(token, self._keys[header["kid"]])
        except (jwt.PyJWTError, KeyError):
            raise HTTPException(403, "invalid_token") from None
        if claims["token_use"] != "id":
            raise HTTPException(403, "invalid_token")
        return User(claims["sub"], frozenset(claims.get("cognito:groups", [])))

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=30,
            options={"require": _REQUIRED},
        )

    def admit(self, asked: InferRequest, user: User) -> dict[str, Any]:
        """Queue the prompt; the body of the answer."""
        job = _job(asked, user)
        keys = [throttle_key(job.sub), JOBS, job_key(job.id), state_key(job.id), WORKERS, DRAINING]
        lives = (LIMITS.max_queued, LIMITS.job_ttl_s, LIMITS.state_kept_s)
        throttle = LIMITS.throttle
        args = (throttle.burst, throttle.interval_ms, *lives, job.id, job.sub, job.to_json())
        try:
            code, ready = divmod(self._admit(keys, args), 2)
        except redis.RedisError:
            raise HTTPException(503, "queue_unavailable") from None
        if code:
            raise HTTPException(429 if code == 1 else 503, "rate_limited" if code == 1 else "queue_full")
        return {"status": "queued", "id": job.id} if ready else {"status": "starting", "eta": 90, "id": job.id}


def _job(asked: InferRequest, user: User) -> Job:
    job_id = str(uuid.uuid4())
    return Job(
        id=job_id,
        prompt=asked.prompt,
        idle=asked.idle,
        reply_s3=reply_url(BUCKET, job_id),
        ts=time.time_ns() // 1_000_000,
        sub=user.sub,
    )

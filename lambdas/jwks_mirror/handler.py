"""Entry point of `jwks_mirror`: runs every ten minutes outside the VPC.

Cognito's key set has no address that the VPC's IPv6-only way out can reach. What is copied is public.
"""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import Field

from lambdas.json_text import json_text
from tinyllama.adapters.key_set import http_keys
from tinyllama.adapters.s3_key_set import S3KeySet
from tinyllama.settings import Settings


class MirrorSettings(Settings):
    """Environment of the function; names in capitals."""

    cognito_issuer: str
    jwks_bucket: str
    jwks_url: str = ""
    jwks_key: str = Field("jwks.json", min_length=1)


@cache
def settings() -> MirrorSettings:
    """The settings of this container."""
    return MirrorSettings.from_env()


def lambda_handler(_event: Mapping[str, Any], _context: object = None) -> dict[str, Any]:
    """Copy the key set. Raises what went wrong, so that the scheduler retries and an alarm counts it."""
    env = settings()
    keys = http_keys(env.jwks_url or f"{env.cognito_issuer}/.well-known/jwks.json")()
    kids = S3KeySet(env.jwks_bucket, env.jwks_key).publish(keys)
    sys.stdout.write(json_text({"event": "key set copied", "kids": kids}) + "\n")
    return {"kids": kids}

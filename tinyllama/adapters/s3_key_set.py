"""The pool's key set in S3, where functions inside the VPC read it (design §4.4)."""

import json
from collections.abc import Mapping
from typing import Any

import jwt

from tinyllama.adapters.s3_replies import connect

LIFE_S = 600


class S3KeySet:
    """An object that holds a JSON Web Key Set."""

    def __init__(self, bucket: str, key: str) -> None:
        self._bucket = bucket
        self._key = key

    def publish(self, keys: Mapping[str, Any]) -> list[str]:
        """Replace the object; returns the key ids.

        Raises:
            ValueError: it is no set of RSA keys with ids, and the old object stays: it is better than none.
        """
        try:
            kids = [key["kid"] for key in keys["keys"] if jwt.PyJWK(dict(key), algorithm="RS256").key_type == "RSA"]
        except (LookupError, TypeError, ValueError, jwt.PyJWTError) as error:
            raise ValueError(f"not a JSON Web Key Set: {error!r}") from error
        if not kids:
            raise ValueError("the key set has no RSA key")
        connect().put_object(
            Bucket=self._bucket,
            Key=self._key,
            Body=json.dumps(keys).encode(),
            ContentType="application/json",
            CacheControl=f"max-age={LIFE_S}",
        )
        return kids

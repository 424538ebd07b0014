"""The pool's key set in S3, where functions inside the VPC read it (design §4.4)."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.adapters.jws import json_object
from tinyllama.adapters.key_set import usable_keys
from tinyllama.adapters.s3_replies import connect

LIFE_S = 600
_MAX_BYTES = 262_144


class S3KeySet:
    """An object that holds a JSON Web Key Set."""

    def __init__(self, bucket: str, key: str) -> None:
        self._bucket = bucket
        self._key = key

    def publish(self, keys: Mapping[str, Any]) -> list[str]:
        """Replace the object; returns the key ids.

        Raises:
            ValueError: no token could be verified with it, and the old object stays: it is better than none.
        """
        kids = list(usable_keys(keys))
        connect().put_object(
            Bucket=self._bucket,
            Key=self._key,
            Body=json.dumps(keys).encode(),
            ContentType="application/json",
            CacheControl=f"max-age={LIFE_S}",
        )
        return kids

    def fetch(self) -> Mapping[str, Any]:
        """The set as it was last published: a `KeySource`.

        Raises:
            OSError: the object cannot be had.
            ValueError: it is no JSON object.
        """
        try:
            body = connect(timeout_s=2.0).get_object(Bucket=self._bucket, Key=self._key)["Body"]
            return json_object(body.read(_MAX_BYTES))
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"s3://{self._bucket}/{self._key}: {error}") from error

"""Reply objects in S3: written once, whatever happens."""

import asyncio
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.errors import ReplyStoreError
from tinyllama.domain.replies import Reply

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def connect(*, timeout_s: float = 5.0, connections: int = 10) -> "S3Client":
    """A client for region, credentials and endpoint of the environment."""
    config = Config(
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    return boto3.client("s3", config=config)


class S3Replies:
    """`ReplyStore` on S3. A conditional write makes the first reply stand, so a job has at most one."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(self, reply: Reply) -> Reply:
        return await asyncio.to_thread(self._put, reply)

    def _put(self, reply: Reply) -> Reply:
        key = f"{reply.id}.json"
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=reply.to_json(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            # 409: another write to the same key is under way, and wins.
            if error.response["Error"].get("Code") in {"PreconditionFailed", "ConditionalRequestConflict"}:
                return self._get(key)
            raise ReplyStoreError(str(error)) from error
        except BotoCoreError as error:
            raise ReplyStoreError(str(error)) from error
        return reply

    def _get(self, key: str) -> Reply:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise ReplyStoreError(str(error)) from error
        return Reply.model_validate_json(body)

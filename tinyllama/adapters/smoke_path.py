"""The two ends of the public path: the API by HTTPS, the reply bucket; and the metric of how long it took."""

import json
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.errors import SmokeError
from tinyllama.domain.metrics import Metric

_TIMEOUT_S = 35.0
"""API Gateway itself gives up after 30 s."""
_ADVICE = {
    401: "the token is missing: give TL_TOKEN an ID token",
    403: "the token is not valid any more, or of another pool: sign in again",
    402: "the month's budget is used up: docs/ops/budget_recovery.md",
    429: "the smoke user asks too often: wait a minute",
}


def _client(service: str) -> Any:
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        return boto3.client(service, config=config)  # type: ignore[call-overload]
    except BotoCoreError as error:
        raise SmokeError(f"{type(error).__name__}: {error}") from error


class SmokePath:
    """`Path` for real."""

    def __init__(self, api_url: str, token: str, bucket: str) -> None:
        self._api_url, self._bucket = api_url.rstrip("/"), bucket
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT_S)
        self._s3 = _client("s3")

    def ask(self, prompt: str) -> str:
        status, answer = self._call("POST", "/infer", {"prompt": prompt, "idle": 1})
        if status != 202 or not answer.get("id"):
            raise SmokeError(
                f"POST /infer was answered with {status}: {json.dumps(answer)}. {_ADVICE.get(status, '')}".strip()
            )
        return str(answer["id"])

    def health(self) -> str:
        """What the API says of the node: `ready`, `starting` or `stopped`."""
        status, answer = self._call("GET", "/health")
        if status not in {200, 503} or "status" not in answer:
            raise SmokeError(
                f"GET /health was answered with {status}: {json.dumps(answer)}. {_ADVICE.get(status, '')}".strip()
            )
        return str(answer["status"])

    def reply(self, job_id: str) -> bytes | None:
        try:
            return bytes(self._s3.get_object(Bucket=self._bucket, Key=f"{job_id}.json")["Body"].read())
        except ClientError as error:
            # Without the right to list the bucket, S3 answers 403 for what is not there.
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise SmokeError(f"s3://{self._bucket}: {error}. You need s3:GetObject and s3:ListBucket.") from error
        except BotoCoreError as error:
            raise SmokeError(f"s3://{self._bucket}: {error}") from error

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        url = self._api_url + path
        try:
            answer = self._http.request(
                method, url, body=None if body is None else json.dumps(body), headers=self._headers
            )
            document = json.loads(answer.data) if answer.data else {}
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise SmokeError(f"{method} {url}: {type(error).__name__}: {error}") from error
        return answer.status, document if isinstance(document, dict) else {}


def publish(seconds: float) -> None:
    """Put `SmokeDuration`. Raises `SmokeError`."""
    metric = Metric.SMOKE_DURATION
    try:
        _client("cloudwatch").put_metric_data(
            Namespace=metric.namespace, MetricData=[{"MetricName": metric.metric, "Value": seconds, "Unit": "Seconds"}]
        )
    except (ClientError, BotoCoreError) as error:
        raise SmokeError(f"{metric.metric} could not be published: {error}") from error

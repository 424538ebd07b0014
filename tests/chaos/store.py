"""The reply bucket of a storm, on the strict local AWS, which is a process of its own."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from local.processes import end, spawn
from tests.chaos.network import Network
from tinyllama.domain.replies import Reply

BUCKET = "tlfif-responses-123456789012"
REGION = "eu-central-1"


class Store:
    """The bucket, with versions: what was overwritten can still be seen."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]") -> None:
        self.url, self.process = url, process
        self.session = boto3.Session("testing", "testing", region_name=REGION)
        self._s3: Any = self.session.client("s3", endpoint_url=url)
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self._s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def settings(self, worker: int, network: Network) -> dict[str, str]:
        """What tells a worker where the store is."""
        host, port = network.address(worker, int(self.url.rsplit(":", 1)[1]))
        return {
            "REPLY_BUCKET": BUCKET,
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "NO_PROXY": "*",
            "no_proxy": "*",
        }

    def replies(self) -> dict[str, list[Reply]]:
        """Every version of every reply object, by job, oldest first."""
        found: dict[str, list[Reply]] = {}
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET):
            for version in reversed(page.get("Versions", [])):
                key, number = version["Key"], version["VersionId"]
                body = self._s3.get_object(Bucket=BUCKET, Key=key, VersionId=number)["Body"].read()
                found.setdefault(key.removesuffix(".json"), []).append(Reply.model_validate_json(body))
        return found


@contextlib.contextmanager
def store(folder: Path) -> Iterator[Store]:
    """The bucket while the context lasts."""
    ready = folder / "aws.json"
    command = [sys.executable, "-m", "local.aws", "--ready-file", str(ready)]
    process = spawn(command, log=folder / "aws.log")
    try:
        until = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the local AWS did not start: {(folder / 'aws.log').read_text()}")
            time.sleep(0.02)
        yield Store(json.loads(ready.read_text())["url"], process)
    finally:
        end(process, grace_s=5)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for logs and data, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tl-chaos-") as folder:
        yield Path(folder)

"""The real root, applied by the real provider to a strict local AWS in a process of its own."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.announce import announced
from local.processes import ROOT, end, environment, spawn

REGION = "eu-central-1"
STATE_BUCKET = "tinyllama-state"
VARIABLES = {
    "alert_email": "ops@example.com",
    "protect_data": False,  # or else buckets, tables and the user pool refuse to be destroyed
    "s3_use_path_style": True,
}
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
_NO_PROVIDER = ("Failed to query available provider packages", "Could not retrieve the list of available versions")
_PATIENCE_S = 30.0


class TerraformError(Exception):
    """`terraform` failed; the text is what it said."""


@dataclass(frozen=True)
class Change:
    """One resource that a plan would change; `actions` as in `terraform show -json`: create, update, delete."""

    address: str
    actions: tuple[str, ...]


def skip_without_provider(said: str) -> None:
    """Skip the test when `terraform init` said that there is no provider to be had."""
    if any(sign in said for sign in _NO_PROVIDER):
        pytest.skip(f"the provider hashicorp/aws cannot be had: {said}")


def account_environment(aws_url: str) -> dict[str, str]:
    """The environment of `terraform` and `aws` that points them at a local AWS."""
    plugins = ROOT / "build" / "terraform-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    return environment(
        {
            **_CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_MAX_ATTEMPTS": "2",  # what the local AWS cannot do shall show at once
            "AWS_PAGER": "",
            "AWS_REGION": REGION,
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "TF_PLUGIN_CACHE_DIR": str(plugins),
            **{f"TF_VAR_{name}": json.dumps(value).strip('"') for name, value in VARIABLES.items()},
        }
    )


class Stack:
    """A copy of `terraform/`, so that nothing is written into the repository, with its state in S3 as in real life."""

    def __init__(self, folder: Path, aws_url: str) -> None:
        self.aws_url = aws_url
        self.root, self._plan = folder / "terraform", folder / "plan"
        ignore = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")
        shutil.copytree(ROOT / "terraform", self.root, ignore=ignore)
        for name in ("build", "observability", "roles"):  # what is read beside `terraform/`
            (folder / name).symlink_to(ROOT / name)
        self._environment = account_environment(aws_url)

    def client(self, service: str) -> Any:
        """A boto3 client of the account."""
        keys = {name.lower(): value for name, value in _CREDENTIALS.items()}
        return boto3.client(service, region_name=REGION, endpoint_url=self.aws_url, **keys)  # type: ignore[call-overload]

    def calls(self) -> list[dict[str, Any]]:
        """Every call that was made to the account since its start (the last ten thousand)."""
        found: list[dict[str, Any]] = httpx.get(f"{self.aws_url}/_tl/calls", timeout=30).json()["calls"]
        return found

    def forget_calls(self) -> None:
        """Let `calls` start anew."""
        httpx.delete(f"{self.aws_url}/_tl/calls", timeout=30).raise_for_status()

    def init(self) -> str:
        """`terraform init`, the state in a bucket of the local AWS; skips where no provider can be had."""
        place = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=STATE_BUCKET, CreateBucketConfiguration=place)
        options = {"bucket": STATE_BUCKET, "region": REGION}
        try:
            return self._run("init", *(f"-backend-config={name}={value}" for name, value in options.items()))
        except TerraformError as error:
            skip_without_provider(str(error))
            raise

    def validate(self) -> str:
        """`terraform validate`."""
        return self._run("validate")

    def plan(self, **variables: Any) -> list[Change]:
        """What an apply would change."""
        self._run("plan", "-parallelism=20", f"-out={self._plan}", *_given(variables))
        shown = json.loads(self._run("show", "-json", str(self._plan)))
        changes = [Change(one["address"], tuple(one["change"]["actions"])) for one in shown["resource_changes"]]
        return [change for change in changes if set(change.actions) - {"no-op", "read"}]

    def is_up_to_date(self, **variables: Any) -> str:
        """Return what `plan -detailed-exitcode` would change; empty when that is nothing."""
        command = ["plan", "-detailed-exitcode", "-parallelism=20", *_given(variables)]
        done = self._start(*command)
        if done.returncode not in {0, 2}:
            raise TerraformError(f"terraform plan:\n{done.stdout}")
        return done.stdout if done.returncode else ""

    def apply_plan(self) -> str:
        """Apply what `plan` showed."""
        return self._run("apply", "-parallelism=20", str(self._plan))

    def destroy(self) -> str:
        """Take everything away."""
        return self._run("destroy", "-auto-approve", "-parallelism=20")

    def output(self) -> dict[str, Any]:
        """`terraform output`, name by name."""
        return {name: one["value"] for name, one in json.loads(self._run("output", "-json")).items()}

    def _run(self, *command: str) -> str:
        done = self._start(*command)
        if done.returncode:
            raise TerraformError(f"terraform {' '.join(command)}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def _start(self, *command: str) -> subprocess.CompletedProcess[str]:
        colourless = [command[0], *(() if command[0] == "show" else ("-no-color",)), *command[1:]]
        return subprocess.run(
            ["terraform", *colourless],
            cwd=self.root,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


def _given(variables: Mapping[str, Any]) -> list[str]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
    return [f"-var={name}={text}" for name, text in texts.items()]


@contextmanager
def local_aws(folder: Path) -> Iterator[str]:
    """A strict local AWS in a process of its own; gives its URL. Its log is `aws.log` in the folder."""
    ready = folder / "aws.ready"
    times = ("--boot-s", "0.2", "--stop-s", "0.1", "--cache-s", "0.5")
    child = spawn(
        [sys.executable, "-m", "local.aws", *times, "--ready-file", str(ready)],
        log=folder / "aws.log",
    )
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while (facts := announced(ready)) is None:
            if child.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the local AWS did not start: {(folder / 'aws.log').read_text()}")
            time.sleep(0.05)
        yield facts["url"]
    finally:
        end(child, grace_s=5)

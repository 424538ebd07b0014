"""`python -m local.aws` as other programs meet it."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.aws.core.loopback import PortInUseError
from local.aws.ec2.images import UBUNTU_22_04
from local.aws.server import StrictAws

ROOT = Path(__file__).parents[3]


@contextmanager
def local_aws(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "local.aws", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_announces_its_url_answers_quietly_and_ends_at_once_on_sigterm(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with local_aws("--boot-s", "1", "--stop-s", "1", "--ready-file", str(ready)) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]
        assert json.loads(ready.read_text()) == {"url": url}
        settings = httpx.get(f"{url}/_tl/settings").json()
        assert settings == {"boot_s": 1.0, "stop_s": 1.0, "cache_s": 2.0, "redis_port": None}
        httpx.post(f"{url}/_tl/faults", json={"operation": "s3:ListBuckets", "delay_s": 30})
        with pytest.raises(httpx.ReadTimeout):  # a call that hangs must not keep it alive
            httpx.get(
                f"{url}/",
                headers={"Authorization": "AWS4-HMAC-SHA256 Credential=t/20260101/eu-central-1/s3/aws4_request, x"},
                timeout=0.3,
            )

        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=5)

        assert time.monotonic() - began < 3  # not the 30 s of the hanging call
        assert (process.returncode, errors) == (0, "")


def test_a_busy_port_is_one_line_and_exit_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with local_aws("--port", str(port)) as process:
            output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (1, "")
    assert errors.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is not free" in errors


def test_a_senseless_delay_is_one_line_and_exit_status_1() -> None:
    with local_aws("--boot-s", "-3") as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert errors == "local.aws: --boot-s: Input should be greater than or equal to 0\n"


def test_nothing_is_left_of_the_last_use() -> None:
    with StrictAws() as aws:
        aws.fail("ec2:StartInstances", "X", times=None)
        aws.client("ec2").run_instances(ImageId=UBUNTU_22_04, InstanceType="t3.small", MinCount=1, MaxCount=1)
    with StrictAws() as aws:
        assert aws.client("ec2").describe_instances()["Reservations"] == []
        assert httpx.get(f"{aws.url}/_tl/faults").json() == {"faults": []}


def test_two_at_once_in_one_process_are_refused() -> None:
    with StrictAws(), pytest.raises(RuntimeError, match="already runs"), StrictAws():
        pass  # pragma: no cover


def test_after_a_busy_port_it_can_be_used_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUseError):
        StrictAws(port=taken.getsockname()[1]).__enter__()
    with StrictAws() as aws:
        assert aws.client("s3").list_buckets()["Buckets"] == []

"""A node in a container, where podman does not do as it is told, and what it is told."""

import os
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local import node_container
from local.aws.ec2.imds import Identity
from local.machine import Site
from local.node_container import Container, _doors

IDENTITY = Identity("i-1", "t3.small", "eu-central-1", "eu-central-1a")
FAKE = """#!/bin/sh
echo "$@" >>"$ASKED"
case "$1 $2" in "container exists") exit 1 ;; init*) echo "no room" >&2; exit 125 ;; esac
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        aws_url="http://127.0.0.1:4566",
        region="eu-central-1",
        queue={"TL_QUEUE": "redis", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "6379"},
        reply_bucket="replies",
        run_dir=tmp_path,
        log_dir=tmp_path,
        node_image="localhost/tinyllama-node:1",
        tag="abcd",
    )


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "podman"
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.setattr(node_container, "_tell_stack", lambda site: None)
    return tmp_path / "asked"


def test_a_node_that_cannot_boot_says_why_and_is_billed_until_it_is_stopped(site: Site, asked: Path) -> None:
    said: list[str] = []
    node = Container(site, IDENTITY, said.append)
    node.tend()
    assert said == ["the node does not boot: podman init failed (125): no room"]

    waiting = Retrying(stop=stop_after_delay(20), wait=wait_fixed(0.02), retry=retry_if_result(lambda off: not off))
    assert waiting(node.off)
    assert said[-1] == "off"


def test_a_node_is_made_alone_in_its_network_with_logs_where_tl_looks_for_them(site: Site, asked: Path) -> None:
    Container(site, IDENTITY, lambda _: None).cut()

    made = next(line.split() for line in asked.read_text().splitlines() if line.startswith("create "))
    assert made[-2:] == ["localhost/tinyllama-node:1", "/sbin/init"]
    assert {"--network=none", "--label=tinyllama=abcd", "--name=tinyllama-abcd-i-1", "--hostname=i-1"} <= set(made)
    assert f"--volume={site.log_dir}/worker.log:/var/log/tinyllama/worker.log" in made


def test_a_node_is_told_where_aws_is_and_when_it_booted_and_nothing_else(site: Site, asked: Path) -> None:
    Container(site, IDENTITY, lambda _: None).cut()

    [header, line] = (site.run_dir / "tinyllama-abcd-i-1.conf").read_text().splitlines()
    assert header == "[Manager]"
    assert line.startswith('DefaultEnvironment="AWS_ENDPOINT_URL=http://127.0.0.1:4566" "BOOTED_AT=')
    assert line.count('"') == 4


def test_a_node_reaches_imds_where_ec2_has_it_the_local_aws_and_redis_where_there_is_one(site: Site) -> None:
    aws, redis = ("127.0.0.1", 4566), ("127.0.0.1", 6379)
    imds = {("169.254.169.254", 80): ("127.0.0.1", 1338)}

    assert _doors(site, "http://127.0.0.1:1338") == {**imds, aws: aws, redis: redis}
    sqs = site.model_copy(update={"queue": {"TL_QUEUE": "sqs", "QUEUE_URL": "http://127.0.0.1:4566/1/jobs"}})
    assert _doors(sqs, "http://127.0.0.1:1338") == {**imds, aws: aws}

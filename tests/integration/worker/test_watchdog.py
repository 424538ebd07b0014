"""The idle watchdog as cron runs it: the real script, a real IMDSv2, a real Redis, a strict EC2."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.aws.ec2.imds import Credentials, Identity, serve_imds
from local.aws.seed import seed
from local.aws.server import StrictAws
from local.redis_server import RedisServer
from tests.factories import job
from tinyllama.adapters.ec2_node import Ec2Nodes
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.node import NodeState

ROLE_KEY = "ASIAGIVENTOTHENODE00"
LOADED = "import sys; from worker.watchdog import main; main(); sys.stderr.write(' '.join(sys.modules))"
SCRIPT = Path(__file__).parents[3] / "roles" / "idle_watchdog" / "files" / "idle_watch.sh"


@dataclass
class Host:
    """A running instance with its metadata service, and what cron would do on it."""

    aws: StrictAws
    redis: RedisServer
    nodes: Ec2Nodes
    imds_url: str
    activity: Path
    on_sqs: dict[str, str]

    def state(self) -> NodeState:
        [node] = self.nodes.nodes()
        return node.state

    def used(self, seconds_ago: float) -> None:
        self.activity.write_text(f"{time.time() - seconds_ago:.3f} 60\n")

    def tick(self, *command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """What cron calls, or another command in its environment."""
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
        environ = {
            **inherited,
            "TL_PYTHON": sys.executable,
            "TL_ENV_FILE": "/nonexistent",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.redis.port),
            "ACTIVITY_FILE": str(self.activity),
            "IDLE_MIN": "60",
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.imds_url,
            **settings,
        }
        return subprocess.run(
            command or ["bash", str(SCRIPT)], env=environ, capture_output=True, text=True, check=False
        )

    def api(self) -> RedisAdmissions:
        return RedisAdmissions(RedisLink("127.0.0.1", self.redis.port, timeout_s=2))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with ExitStack() as stack:
        aws = stack.enter_context(StrictAws(boot_s=0.05, stop_s=0.5))
        redis = stack.enter_context(RedisServer())
        account = seed(aws.url, queue="sqs")
        identity = Identity(account.instance_id, "t3.small", account.region, f"{account.region}a")
        imds = stack.enter_context(serve_imds(identity, Credentials(ROLE_KEY)))
        nodes = Ec2Nodes(aws.client("ec2"))
        nodes.start(account.instance_id)
        sqs = {"TL_QUEUE": "sqs", "QUEUE_URL": account.queue_url, "QUEUE_TABLE": account.queue_table}
        made = Host(aws, redis, nodes, imds.url, tmp_path / "last_infer_ts", {**sqs, "AWS_REGION": account.region})
        while made.state() is not NodeState.RUNNING:
            time.sleep(0.01)
        yield made


def test_an_idle_node_is_stopped_with_the_role_s_own_credentials(host: Host) -> None:
    host.used(seconds_ago=61)
    host.aws.clear()
    done = host.tick()
    assert (done.returncode, done.stderr) == (0, "")
    assert '"AutoStops": 1' in done.stdout
    assert host.state() in {NodeState.STOPPING, NodeState.STOPPED}
    assert [call["caller"] for call in host.aws.calls("ec2", "StopInstances")] == [ROLE_KEY]


@pytest.mark.parametrize("queue", ["redis", "sqs"])
def test_the_tick_that_stops_the_node_loads_no_boto3_and_of_botocore_no_more_than_the_signer(
    host: Host, queue: str
) -> None:
    host.used(seconds_ago=1_000)
    host.aws.clear()
    done = host.tick(sys.executable, "-c", LOADED, **(host.on_sqs if queue == "sqs" else {}))
    assert '"stopped"' in done.stdout
    loaded = set(done.stderr.split())
    assert "botocore.auth" in loaded
    assert not loaded & {"boto3", "botocore.session", "botocore.loaders", "botocore.client", "jmespath", "redis"}
    assert {call["caller"] for call in host.aws.calls("dynamodb")} == ({ROLE_KEY} if queue == "sqs" else set())
    assert host.state() is not NodeState.RUNNING


def test_a_node_in_use_is_left_alone_and_aws_is_not_even_asked(host: Host) -> None:
    host.used(seconds_ago=30)
    host.aws.clear()
    done = host.tick(AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:9", REDIS_PORT="9")
    assert (done.returncode, '"recently_used"' in done.stdout) == (0, True)
    assert host.state() is NodeState.RUNNING


@pytest.mark.parametrize("queued", [True, False])
def test_a_node_is_stopped_only_when_nothing_is_queued(host: Host, queued: bool) -> None:
    host.used(seconds_ago=1_000)
    if queued:
        host.api().admit(job())
    done = host.tick()
    assert done.returncode == 0
    assert ('"busy"' in done.stdout) == queued
    assert (host.state() is NodeState.RUNNING) == queued


def test_after_the_stop_the_api_knows_that_nobody_is_there(host: Host) -> None:
    host.used(seconds_ago=1_000)
    host.tick()
    assert RedisLink("127.0.0.1", host.redis.port, timeout_s=2).ask("EXISTS", "node:draining")
    assert not host.api().admit(job()).worker_ready


def test_before_the_first_job_the_idle_time_counts_from_boot(host: Host) -> None:
    assert '"recently_booted"' in host.tick(BOOTED_AT=str(time.time() - 30)).stdout
    assert '"stopped"' in host.tick(BOOTED_AT=str(time.time() - 61)).stdout


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "IncorrectInstanceState", "UnsupportedOperation"])
def test_a_stop_that_ec2_refuses_is_an_error_and_opens_the_door_again(host: Host, code: str) -> None:
    host.used(seconds_ago=1_000)
    host.aws.fail("ec2:StopInstances", code, times=None)
    done = host.tick()
    assert done.returncode == 1
    assert code in done.stderr
    assert "Traceback" not in done.stderr
    assert not RedisLink("127.0.0.1", host.redis.port, timeout_s=2).ask("EXISTS", "node:draining")


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ({"REDIS_PORT": "9"}, 1, "refused"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}, 1, "MetadataUnavailable"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, 1, "AWS_ENDPOINT_URL"),
        ({"IDLE_MIN": "soon"}, 2, "IDLE_MIN"),
        ({"REDIS_HOST": ""}, 2, "REDIS_HOST"),
    ],
)
def test_what_is_missing_is_named_and_the_node_stays_up(
    host: Host, settings: dict[str, str], code: int, says: str
) -> None:
    host.used(seconds_ago=1_000)
    done = host.tick(**settings)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert host.state() is NodeState.RUNNING


def test_a_damaged_activity_file_is_said_and_does_not_keep_the_node_awake(host: Host) -> None:
    host.activity.write_text("yesterday")
    assert '"recently_booted"' in host.tick(BOOTED_AT=str(time.time())).stdout
    done = host.tick(BOOTED_AT=str(time.time() - 61))
    assert (done.returncode, '"stopped"' in done.stdout) == (0, True)
    assert "should hold one or two numbers" in done.stdout

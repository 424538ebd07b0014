"""The router wakes real EC2 rules, under a real lease, with a real Redis (LAM-003)."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import redis

from lambdas.router import handler, wiring
from local.aws.ec2.images import UBUNTU_22_04
from local.aws.seed import seed
from local.aws.server import StrictAws
from local.redis_server import RedisServer
from tests.integration.aws.instances import ManualClock, describe
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tinyllama.domain.node import NODE_TAGS

TAGS = [{"Key": key, "Value": value} for key, value in NODE_TAGS.items()]
_CACHES = (wiring.settings, wiring.adapters, wiring._nodes, wiring._leases, wiring._wake_parameter)


class Cloud:
    """A strict AWS whose time the test moves, a Redis, and a router wired to both as in a fresh container."""

    def __init__(self, aws: StrictAws, clock: ManualClock, store: "redis.Redis") -> None:
        self.aws, self.clock, self.store = aws, clock, store
        self.ec2, self.scheduler = aws.client("ec2"), aws.client("scheduler")

    def instance(self, state: str) -> str:
        answer = self.ec2.run_instances(
            ImageId=UBUNTU_22_04,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": TAGS}],
        )
        instance_id = str(answer["Instances"][0]["InstanceId"])
        if state == "pending":
            return instance_id
        self.pass_time(5)
        if state in {"stopping", "stopped"}:
            self.ec2.stop_instances(InstanceIds=[instance_id])
        elif state in {"shutting-down", "terminated"}:
            self.ec2.terminate_instances(InstanceIds=[instance_id])
        if state in {"stopped", "terminated"}:
            self.pass_time(2)
        return instance_id

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.aws.tick()

    def state(self, instance_id: str) -> str:
        return str(describe(self.ec2, instance_id)["State"]["Name"])

    def writes(self) -> list[str]:
        calls = httpx.get(f"{self.aws.url}/_tl/calls").json()["calls"]
        return [call["operation"] for call in calls if call["write"]]

    def starts(self) -> int:
        return len(self.aws.calls("ec2", "StartInstances"))

    def depth(self) -> int:
        return int(self.store.xlen("jobs"))  # type: ignore[arg-type]


@pytest.fixture
def cloud(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    clock = ManualClock()
    clock.now = datetime.now(UTC).replace(microsecond=0)
    with StrictAws(boot_s=5, stop_s=2, clock=clock) as aws, redis.Redis(port=redis_server.port) as store:
        store.flushall()
        account = seed(aws.url)
        environment = {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": account.region,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "COGNITO_ISSUER": ISSUER,
            "COGNITO_AUD": AUDIENCE,
            "LEASE_ROLE_ARN": account.lease_role_arn,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis_server.port),
            "REDIS_TIMEOUT_S": "2",
            "REPLY_BUCKET": account.reply_bucket,
        }
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        monkeypatch.setattr(wiring, "http_keys", lambda _url: key_set)
        _forget()
        monkeypatch.setattr(wiring.adapters().waker, "_clock", lambda: clock().timestamp())
        made = Cloud(aws, clock, store)
        made.ec2.terminate_instances(InstanceIds=[account.instance_id])
        made.pass_time(2)
        aws.clear()
        yield made
        _forget()


def _forget() -> None:
    for cached in _CACHES:
        cached.cache_clear()


def call(method: str, path: str, body: Any = None, sub: str = "sub-alice") -> tuple[int, dict[str, Any]]:
    event = {
        "rawPath": path,
        "headers": {"authorization": f"Bearer {token(sub=sub)}"},
        "requestContext": {"requestId": "r", "http": {"method": method}},
        "body": json.dumps(body),
    }
    answer = handler.lambda_handler(event)
    return answer["statusCode"], json.loads(answer["body"])


def ask(sub: str = "sub-alice") -> tuple[int, dict[str, Any]]:
    return call("POST", "/infer", {"prompt": "hello", "idle": 5}, sub)


@pytest.mark.parametrize(
    ("states", "status", "starts"),
    [
        ([], 503, None),
        (["stopped"], 202, 0),
        (["pending"], 202, None),
        (["running"], 202, None),
        (["stopping"], 202, None),
        (["shutting-down"], 503, None),
        (["terminated"], 503, None),
        (["terminated", "stopped"], 202, 1),
        (["stopped", "running"], 202, None),
        (["stopped", "pending"], 202, None),
        (["stopped", "stopping"], 202, 0),
        (["terminated", "shutting-down"], 503, None),
    ],
)
def test_every_state_of_one_or_several_instances_has_its_answer(
    cloud: Cloud, states: list[str], status: int, starts: int | None
) -> None:
    found = [cloud.instance(state) for state in states]
    before = [cloud.state(each) for each in found]
    cloud.aws.clear()
    answer, body = ask()
    assert (answer, body.get("error")) == (status, "start_failed" if status == 503 else None)
    assert cloud.depth() == (1 if status == 202 else 0), "a job that cannot be served is withdrawn"
    assert cloud.writes() == ([] if starts is None else ["CreateSchedule", "StartInstances"])
    after = [cloud.state(each) for each in found]
    assert after == ["pending" if place == starts else state for place, state in enumerate(before)]


def test_of_several_stopped_instances_one_is_started_whoever_asks(cloud: Cloud) -> None:
    found = [cloud.instance("stopped") for _ in range(3)]
    for number in range(4):
        assert ask(f"sub-{number}")[0] == 202
    assert sorted(cloud.state(each) for each in found) == ["pending", "stopped", "stopped"]


def test_requests_at_the_same_moment_start_the_node_once(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    node, together = cloud.instance("stopped"), threading.Barrier(8)

    def at_once(number: int) -> int:
        together.wait()
        return ask(f"sub-{number}")[0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(at_once, range(8))) == [202] * 8
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(record.get("EC2Starts", 0) for record in records) == 1
    assert cloud.state(node) == "pending"
    assert cloud.depth() == 8
    assert len(cloud.scheduler.list_schedules()["Schedules"]) == 1


def test_a_job_that_meets_a_stopping_node_wakes_it_at_the_first_poll_that_finds_it_stopped(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.router.wake.LOOK_LIFE_S", 0.0)
    node = cloud.instance("stopping")
    status, body = ask()
    assert (status, body["status"]) == (202, "starting")
    seen = []
    for _ in range(10):
        assert call("GET", f"/jobs/{body['id']}") == (200, {"status": "queued"})
        assert call("GET", "/health")[1]["status"] == "starting"
        seen.append(cloud.state(node))
        cloud.pass_time(1)
    assert (seen[0], seen[-1]) == ("stopping", "running")
    assert cloud.starts() == 1


@pytest.mark.parametrize(
    "code", ["InsufficientInstanceCapacity", "InstanceLimitExceeded", "UnauthorizedOperation", "RequestLimitExceeded"]
)
@pytest.mark.parametrize("operation", ["StartInstances", "DescribeInstances"])
def test_what_ec2_refuses_is_said_soon_and_the_job_is_withdrawn(cloud: Cloud, operation: str, code: str) -> None:
    node = cloud.instance("stopped")
    cloud.aws.fail(f"ec2:{operation}", code, times=None, message="Not now.")
    began = time.monotonic()
    assert ask() == (503, {"error": "start_failed", "detail": f"{code}: Not now."})
    assert time.monotonic() - began < 4
    assert cloud.depth() == 0
    cloud.aws.clear()
    assert cloud.state(node) == "stopped"
    assert ask()[0] == 202, "the next one is not held up by it"


@pytest.mark.parametrize("operation", ["ec2:DescribeInstances", "ec2:StartInstances", "scheduler:CreateSchedule"])
def test_an_aws_that_hangs_keeps_nobody_waiting_for_ten_seconds(cloud: Cloud, operation: str) -> None:
    cloud.instance("stopped")
    cloud.aws.fail(operation, delay_s=3, times=None)
    began = time.monotonic()
    status, body = ask()
    assert (status, body["error"], "ReadTimeoutError" in body["detail"]) == (503, "start_failed", True)
    assert time.monotonic() - began < 10


def test_an_aws_that_is_slow_at_every_step_is_given_up_before_the_start(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = cloud.instance("stopped")
    monkeypatch.setattr("lambdas.router.wake.PATIENCE_S", 0.2)
    monkeypatch.setattr(wiring.adapters().waker, "_clock", time.time)
    cloud.aws.fail("scheduler:CreateSchedule", delay_s=0.3)
    status, body = ask()
    assert (status, body["detail"].partition(":")[0]) == (503, "aws_slow")
    assert (cloud.state(node), cloud.depth()) == ("stopped", 0)


class TestLease:
    def test_it_is_granted_before_the_start_for_an_hour(self, cloud: Cloud) -> None:
        node = cloud.instance("stopped")
        cloud.aws.clear()
        began = cloud.clock()
        assert ask()[0] == 202
        assert cloud.writes() == ["CreateSchedule", "StartInstances"]
        found = cloud.scheduler.get_schedule(Name=f"tinyllama-lease-{node}")["ScheduleExpression"]
        end = datetime.strptime(found, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
        assert (end - began).total_seconds() == 3_600

    @pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ServiceQuotaExceededException"])
    def test_without_it_the_node_is_not_started(self, cloud: Cloud, code: str) -> None:
        node = cloud.instance("stopped")
        cloud.aws.fail("scheduler:CreateSchedule", code, times=None, message="Not now.")
        assert ask() == (503, {"error": "start_failed", "detail": f"no_lease: {code}: Not now."})
        assert (cloud.state(node), cloud.starts(), cloud.depth()) == ("stopped", 0, 0)

    def test_a_role_that_does_not_exist_is_no_lease_either(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LEASE_ROLE_ARN", "arn:aws:iam::123456789012:role/gone")
        _forget()
        node = cloud.instance("stopped")
        status, body = ask()
        assert (status, "assume the role" in body["detail"], cloud.state(node)) == (503, True, "stopped")

    def test_it_stops_a_node_whose_worker_never_came(self, cloud: Cloud) -> None:
        node = cloud.instance("stopped")
        ask()
        cloud.pass_time(3_590)
        assert cloud.state(node) == "running"
        cloud.pass_time(30)
        assert cloud.state(node) == "stopping"
        cloud.pass_time(2)
        assert cloud.state(node) == "stopped"
        assert cloud.scheduler.list_schedules()["Schedules"] == []
        assert ask()[0] == 202, "that was no run up to the ceiling: whoever still wants an answer may try again"

    def test_the_lease_of_an_earlier_boot_does_not_end_the_next_one(self, cloud: Cloud) -> None:
        node = cloud.instance("stopped")
        ask()
        cloud.pass_time(10)
        first = cloud.scheduler.get_schedule(Name=f"tinyllama-lease-{node}")["ScheduleExpression"]
        cloud.ec2.stop_instances(InstanceIds=[node])
        cloud.pass_time(2)
        assert ask()[0] == 202
        second = cloud.scheduler.get_schedule(Name=f"tinyllama-lease-{node}")["ScheduleExpression"]
        assert second > first
        assert cloud.aws.calls("scheduler", "UpdateSchedule")

    def test_a_start_that_fails_leaves_the_lease_which_finds_nothing_to_stop(self, cloud: Cloud) -> None:
        node = cloud.instance("stopped")
        cloud.aws.fail("ec2:StartInstances", "InsufficientInstanceCapacity", times=None)
        assert ask()[0] == 503
        assert len(cloud.scheduler.list_schedules()["Schedules"]) == 1
        cloud.aws.clear()
        cloud.pass_time(3_700)
        assert [each["status"] for each in cloud.aws.calls("ec2", "StopInstances")] == [200]
        assert cloud.state(node) == "stopped"

    def test_after_a_run_up_to_the_ceiling_the_node_rests(self, cloud: Cloud) -> None:
        node = cloud.instance("stopped")
        cloud.ec2.start_instances(InstanceIds=[node])
        cloud.pass_time(10_800)
        cloud.ec2.stop_instances(InstanceIds=[node])
        cloud.pass_time(200)
        cloud.aws.clear()
        status, body = ask()
        assert (status, body["detail"].partition(":")[0]) == (503, "daily_hours_used")
        assert (cloud.writes(), cloud.depth()) == ([], 0)


def test_the_eta_is_that_of_recent_boots(cloud: Cloud) -> None:
    cloud.instance("stopped")
    assert ask()[1]["eta"] == 90
    assert cloud.store.exists("node:woken")
    for boot_ms in (40_000, 30_000):
        cloud.store.lpush("boots", boot_ms)
    assert ask("sub-bob")[1]["eta"] == 40

"""The router's answers, by the contract of design §3.1, with the outside in memory."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lambdas.router import handler, wiring
from lambdas.router.call import Adapters
from lambdas.router.settings import RouterSettings
from lambdas.router.wake import Waker
from tests.factories import BOB, job
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet
from tinyllama.adapters.memory_boots import MemoryBootTimes
from tinyllama.adapters.memory_leases import MemoryLeases
from tinyllama.adapters.memory_nodes import MemoryNodes
from tinyllama.adapters.memory_queue import MemoryAdmissions, MemoryDispatch, MemoryDrainGate, MemoryQueue
from tinyllama.adapters.memory_throttle import MemoryThrottle
from tinyllama.domain.errors import LeaseError, NodeError, QueueUnavailableError
from tinyllama.domain.jobs import JobStatus
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.wake_switch import WakeSwitch
from tinyllama.ports import Heartbeat, Outcome

GOOD = {"prompt": "hello", "idle": 5}


class Platform:
    """A router whose queue and node are in memory, and the requests that a client would send."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: NodeState | None, **limits: Any) -> None:
        self.now = 1_700_000_000.0
        self.queue = MemoryQueue(lambda: self.now)
        self.nodes = MemoryNodes(*([Node("i-1", state, "t3.small")] if state else []), now=self.now)
        self.admissions = MemoryAdmissions(self.queue, QueueLimits(**limits))
        self.worker = MemoryDispatch(self.queue, "worker-1")
        self.settings = RouterSettings(
            cognito_issuer=ISSUER,
            cognito_aud=AUDIENCE,
            redis_host="127.0.0.1",
            reply_bucket="replies",
            lease_role_arn="arn:aws:iam::123456789012:role/tinyllama-lease",
        )
        self.leases, self.boots = MemoryLeases(), MemoryBootTimes(self.queue)
        self.switch: Callable[[], WakeSwitch] = WakeSwitch
        self.out = Adapters(
            tokens=CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set)),
            queue=self.admissions,
            gate=MemoryDrainGate(self.queue),
            nodes=lambda: self.nodes,
            waker=Waker(
                lambda: self.nodes,
                lambda: self.leases,
                self.boots,
                switch=self.looked_up,
                clock=lambda: self.now,
            ),
            fallback=MemoryThrottle(clock=lambda: self.now),
            reply_bucket="replies",
        )
        monkeypatch.setattr(wiring, "settings", lambda: self.settings)
        monkeypatch.setattr(wiring, "adapters", lambda: self.out)

    def looked_up(self) -> WakeSwitch:
        """Late, since tests put other switches there."""
        return self.switch()

    async def wake_worker(self) -> None:
        await self.worker.announce(Heartbeat("worker-1", "m", slots=1, busy=0, ready=True))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.nodes.advance(seconds)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        sent = {"authorization": f"Bearer {token()}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        event = {
            "version": "2.0",
            "rawPath": path,
            "headers": {name: text for name, text in sent.items() if text},
            "requestContext": {
                "requestId": "request-1",
                "http": {"method": method, "path": path, "sourceIp": "203.0.113.9", "userAgent": "test"},
            },
            "body": json.dumps(body) if isinstance(body, dict) else body,
            "isBase64Encoded": False,
        }
        answer = handler.lambda_handler(event)
        return answer["statusCode"], json.loads(answer.get("body", "null")), answer["headers"]


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> Platform:
    return Platform(monkeypatch, NodeState.STOPPED)


async def test_a_prompt_to_a_warm_node_is_queued_and_ec2_is_not_asked(asleep: Platform) -> None:
    await asleep.wake_worker()
    asleep.nodes.fail("nodes", NodeError("Never", "EC2 must not be called"))
    status, body, headers = asleep.call("POST", "/infer", GOOD)
    assert (status, body) == (202, {"status": "queued", "id": body["id"]})
    assert "x-gpu-coldboot" not in headers
    assert headers["x-request-id"] == "request-1"
    assert asleep.queue.records[body["id"]].job.reply_s3 == f"s3://replies/{body['id']}.json"


def test_a_prompt_to_a_stopped_node_starts_it_once(asleep: Platform) -> None:
    status, body, headers = asleep.call("POST", "/infer", GOOD)
    assert (status, body) == (202, {"status": "starting", "eta": 90, "id": body["id"]})
    assert headers["x-gpu-coldboot"] == "true"
    asleep.pass_time(20)
    status, body, _ = asleep.call("POST", "/infer", GOOD)
    assert (status, body["status"], body["eta"]) == (202, "starting", 70)
    assert asleep.nodes.calls == [("start", "i-1")]


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (NodeState.STOPPED, 202),
        (NodeState.PENDING, 202),
        (NodeState.RUNNING, 202),
        (NodeState.STOPPING, 202),
        (NodeState.SHUTTING_DOWN, 503),
        (NodeState.TERMINATED, 503),
        (None, 503),
    ],
)
def test_every_state_of_the_node_has_a_documented_answer(
    monkeypatch: pytest.MonkeyPatch, state: NodeState | None, answer: int
) -> None:
    platform = Platform(monkeypatch, state)
    status, body, _ = platform.call("POST", "/infer", GOOD)
    assert status == answer
    if answer == 503:
        assert body["error"] == "start_failed"
        assert platform.admissions.snapshot().depth == 0, "a job that cannot be served is withdrawn"
    assert bool(platform.nodes.calls) == (state is NodeState.STOPPED)


def test_a_job_that_met_a_stopping_node_wakes_it_at_a_later_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, NodeState.STOPPING)
    _, body, _ = platform.call("POST", "/infer", GOOD)
    assert platform.call("GET", f"/jobs/{body['id']}")[1] == {"status": "queued"}
    assert platform.nodes.calls == []
    platform.pass_time(30)
    assert platform.call("GET", f"/jobs/{body['id']}")[1] == {"status": "queued"}
    assert platform.nodes.calls == [("start", "i-1")]


def test_a_queued_job_whose_node_cannot_be_woken_stays_queued_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = Platform(monkeypatch, NodeState.STOPPING)
    _, body, _ = platform.call("POST", "/infer", GOOD)
    platform.pass_time(30)
    platform.nodes.fail("start", NodeError("InsufficientInstanceCapacity", "no luck"))
    capsys.readouterr()
    assert platform.call("GET", f"/jobs/{body['id']}")[:2] == (200, {"status": "queued"})
    record = json.loads(capsys.readouterr().out)
    assert (record["status"], record["wakeFailed"]) == (200, "InsufficientInstanceCapacity: no luck")
    platform.nodes.fail("start", NodeError("InsufficientInstanceCapacity", "no luck"))
    assert platform.call("GET", "/health")[:2] == (
        503,
        {"error": "start_failed", "detail": "InsufficientInstanceCapacity: no luck"},
    )
    assert platform.call("GET", f"/jobs/{body['id']}")[1] == {"status": "queued"}
    assert platform.nodes.calls[-1] == ("start", "i-1"), "the next poll tries again"


def test_a_node_is_started_under_a_lease_of_an_hour_and_not_at_all_without_one(asleep: Platform) -> None:
    asleep.leases.error = LeaseError("ThrottlingException", "slow down")
    status, body, _ = asleep.call("POST", "/infer", GOOD)
    assert (status, body["detail"]) == (503, "no_lease: ThrottlingException: slow down")
    assert (asleep.nodes.calls, asleep.admissions.snapshot().depth) == ([], 0)
    asleep.leases.error = None
    assert asleep.call("POST", "/infer", GOOD)[0] == 202
    assert asleep.leases.granted == [("i-1", asleep.now + 3_600)]


def test_a_node_that_ran_up_to_its_ceiling_rests_until_a_day_after_its_start(asleep: Platform) -> None:
    asleep.call("POST", "/infer", GOOD)
    asleep.pass_time(10_800)
    asleep.nodes.stop("i-1")
    asleep.pass_time(60)
    status, body, _ = asleep.call("POST", "/infer", GOOD)
    until = "until 2023-11-15T22:13:20+00:00"
    assert (status, body["error"]) == (503, "start_failed")
    assert body["detail"].startswith("daily_hours_used: ")
    assert body["detail"].endswith(until)
    asleep.pass_time(75_600)
    assert asleep.call("POST", "/infer", GOOD)[0] == 202


async def test_the_eta_is_the_90th_percentile_of_measured_boots(asleep: Platform) -> None:
    asleep.call("POST", "/infer", GOOD)
    asleep.pass_time(50)
    await asleep.wake_worker()
    await asleep.worker.retire("worker-1")
    asleep.nodes.stop("i-1")
    asleep.pass_time(30)
    assert asleep.call("POST", "/infer", GOOD)[1]["eta"] == 50
    asleep.pass_time(20)
    assert asleep.call("GET", "/health")[1] == {"status": "starting", "eta": 30}


def test_boot_times_that_cannot_be_read_or_kept_fail_no_request(
    asleep: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise QueueUnavailableError("gone")

    for name in ("begin", "recent"):
        monkeypatch.setattr(asleep.boots, name, away)
    assert asleep.call("POST", "/infer", GOOD)[1]["eta"] == 90


@pytest.mark.parametrize("code", ["InsufficientInstanceCapacity", "InstanceLimitExceeded", "UnauthorizedOperation"])
def test_a_start_that_fails_withdraws_the_job_and_says_why(
    asleep: Platform, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asleep.nodes.fail("start", NodeError(code, "no luck"))
    status, body, _ = asleep.call("POST", "/infer", GOOD)
    assert (status, body) == (503, {"error": "start_failed", "detail": f"{code}: no luck"})
    assert asleep.admissions.snapshot().depth == 0
    assert "Enqueues" not in capsys.readouterr().out, "what was withdrawn was not enqueued"


@pytest.mark.parametrize(
    "body", ["", "not json", "[]", {"prompt": "", "idle": 5}, {"prompt": "x", "idle": 0}, "x" * 11_000]
)
def test_a_bad_body_names_its_fields_and_changes_nothing(asleep: Platform, body: Any) -> None:
    status, answer, _ = asleep.call("POST", "/infer", body)
    assert (status, answer["error"]) == (400, "invalid_request")
    assert answer["fields"]
    assert not asleep.queue.records
    assert not asleep.nodes.calls


def test_a_base64_body_is_decoded_and_a_broken_one_refused(asleep: Platform) -> None:
    event = {
        "rawPath": "/infer",
        "headers": {"Authorization": f"Bearer {token()}"},
        "requestContext": {"requestId": "r", "http": {"method": "POST"}},
        "body": base64.b64encode(json.dumps(GOOD).encode()).decode(),
        "isBase64Encoded": True,
    }
    assert handler.lambda_handler(event)["statusCode"] == 202
    assert handler.lambda_handler({**event, "body": "%%%"})["statusCode"] == 400


def test_the_sixth_request_at_once_is_refused_with_retry_after(
    asleep: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [asleep.call("POST", "/infer", GOOD if number % 2 else "broken")[0] for number in range(5)]
    assert codes == [400, 202, 400, 202, 400], "bad requests spend as well"
    status, body, headers = asleep.call("POST", "/infer", GOOD)
    assert (status, body, headers["retry-after"]) == (429, {"error": "rate_limited"}, "60")
    assert asleep.call("POST", "/infer", "broken")[0] == 429
    assert '"ApiRateLimitBreaches":1' in capsys.readouterr().out


def test_a_full_queue_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, NodeState.STOPPED, max_queued=1)
    platform.call("POST", "/infer", GOOD)
    assert platform.call("POST", "/infer", GOOD)[:2] == (503, {"error": "queue_full"})


@pytest.mark.parametrize(("method", "path"), [("POST", "/infer"), ("GET", "/health"), ("POST", "/stop")])
def test_without_a_token_401_and_with_a_bad_one_403(asleep: Platform, method: str, path: str) -> None:
    assert asleep.call(method, path, GOOD, authorization="")[:2] == (401, {"error": "missing_token"})
    assert asleep.call(method, path, GOOD, authorization="Bearer x")[:2] == (403, {"error": "invalid_token"})


def test_unknown_routes_and_methods_have_json_answers(asleep: Platform) -> None:
    assert asleep.call("GET", "/nothing")[:2] == (404, {"error": "not_found"})
    assert asleep.call("PUT", "/infer")[:2] == (405, {"error": "method_not_allowed"})
    assert asleep.call("GET", "/jobs/../../etc/passwd")[:2] == (404, {"error": "not_found"})


async def test_a_job_shows_its_life_to_its_owner(asleep: Platform) -> None:
    await asleep.wake_worker()
    job_id = asleep.call("POST", "/infer", GOOD)[1]["id"]
    assert asleep.call("GET", f"/jobs/{job_id}")[:2] == (200, {"status": "queued"})
    [claim] = (await asleep.worker.claim(1, wait_s=0)).run
    await asleep.worker.renew([(claim, "so far")])
    assert asleep.call("GET", f"/jobs/{job_id}")[1] == {"status": "running", "partial": "so far"}
    await asleep.worker.settle(claim, Outcome(JobStatus.DONE, "a reply"))
    assert asleep.call("GET", f"/jobs/{job_id}")[1] == {"status": "done", "text": "a reply"}
    bob = f"Bearer {token(sub=BOB)}"
    assert asleep.call("GET", f"/jobs/{job_id}", authorization=bob)[:2] == (404, {"error": "not_found"})
    assert asleep.call("DELETE", f"/jobs/{job_id}", authorization=bob)[0] == 404
    assert asleep.call("DELETE", f"/jobs/{job_id}")[:2] == (409, {"error": "already_finished"})


def test_a_queued_job_can_be_cancelled(asleep: Platform) -> None:
    job_id = asleep.call("POST", "/infer", GOOD)[1]["id"]
    assert asleep.call("DELETE", f"/jobs/{job_id}")[:2] == (202, {"status": "cancelled"})
    assert asleep.call("GET", f"/jobs/{job_id}")[1] == {"status": "cancelled"}


async def test_health_tells_ready_starting_and_stopped_apart(asleep: Platform) -> None:
    assert asleep.call("GET", "/health")[:2] == (503, {"status": "stopped"})
    asleep.call("POST", "/infer", GOOD)
    asleep.pass_time(10)
    assert asleep.call("GET", "/health")[:2] == (503, {"status": "starting", "eta": 80})
    await asleep.wake_worker()
    assert asleep.call("GET", "/health")[:2] == (200, {"status": "ready"})


def test_stop_is_refused_while_somebody_else_s_job_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, NodeState.RUNNING)
    platform.admissions.admit(job(sub=BOB))
    assert platform.call("POST", "/stop")[:2] == (409, {"error": "busy"})
    assert not platform.nodes.calls


def test_stop_cancels_the_caller_s_jobs_and_stops_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, NodeState.RUNNING)
    mine = platform.call("POST", "/infer", GOOD)[1]["id"]
    assert platform.call("POST", "/stop")[:2] == (202, {"status": "stopping"})
    assert platform.nodes.calls == [("stop", "i-1")]
    assert platform.call("GET", f"/jobs/{mine}")[1] == {"status": "cancelled"}
    assert platform.call("POST", "/stop")[0] == 202, "stopping twice is no error"


def test_a_node_that_still_boots_is_not_stopped_and_no_job_is_cancelled_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, NodeState.PENDING)
    mine = platform.call("POST", "/infer", GOOD)[1]["id"]
    status, body, _ = platform.call("POST", "/stop")
    assert (status, body) == (503, {"error": "stop_failed", "detail": "node_booting: try again when it runs"})
    assert platform.call("GET", f"/jobs/{mine}")[1] == {"status": "queued"}


def test_a_node_that_boots_for_somebody_else_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, NodeState.PENDING)
    mine = platform.call("POST", "/infer", GOOD)[1]["id"]
    platform.admissions.admit(job(sub=BOB))
    assert platform.call("POST", "/stop")[:2] == (409, {"error": "busy"})
    assert platform.call("GET", f"/jobs/{mine}")[1] == {"status": "queued"}


async def test_a_stop_that_fails_opens_the_door_again(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, NodeState.RUNNING)
    await platform.wake_worker()
    platform.nodes.fail("stop", NodeError("RequestLimitExceeded", "slow down"))
    status, body, _ = platform.call("POST", "/stop")
    assert (status, body) == (503, {"error": "stop_failed", "detail": "RequestLimitExceeded: slow down"})
    assert platform.call("GET", "/health")[0] == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 204),
        ("http://localhost", 204),
        ("capacitor://app.example.com", 204),
        ("https://localhost", 403),
        ("http://localhost.evil.com", 403),
        ("http://localhost:80@evil.com", 403),
        ("http://evil.com", 403),
        ("null", 403),
    ],
)
def test_preflight_knows_our_origins_only(asleep: Platform, origin: str, status: int) -> None:
    answer, _, headers = asleep.call("OPTIONS", "/infer", origin=origin, authorization="")
    assert answer == status
    assert (headers.get("access-control-allow-origin") == origin) == (status == 204)
    expected = 202 if status == 204 else 403
    assert asleep.call("POST", "/infer", GOOD, origin=origin)[0] == expected


def test_the_switch_turns_the_router_off(asleep: Platform) -> None:
    asleep.settings = asleep.settings.model_copy(update={"tl_disable_lam_router": True})
    assert asleep.call("POST", "/infer", GOOD)[:2] == (503, {"error": "router_disabled"})


def test_a_queue_that_is_away_is_503_and_counted(
    asleep: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: object) -> None:
        raise QueueUnavailableError("TimeoutError: 50 ms")

    monkeypatch.setattr(asleep.admissions, "admit", away)
    assert asleep.call("POST", "/infer", GOOD)[:2] == (503, {"error": "queue_unavailable"})
    assert '"RedisEnqueueFail":1' in capsys.readouterr().out


def test_while_the_queue_is_away_a_client_in_a_loop_is_still_throttled(
    asleep: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise QueueUnavailableError("refused")

    monkeypatch.setattr(asleep.admissions, "admit", away)
    codes = [asleep.call("POST", "/infer", GOOD)[0] for _ in range(7)]
    assert codes == [503] * 5 + [429] * 2


def test_polling_ten_times_a_second_is_never_refused_and_a_loop_without_a_pause_is(asleep: Platform) -> None:
    for _ in range(100):
        assert asleep.call("GET", "/health")[0] == 503
        asleep.now += 0.1
    statuses = [asleep.call("GET", "/health")[0] for _ in range(100)]
    assert statuses[-1] == 429
    for path in (f"/jobs/{job().id}", "/jobs/what-is-no-id"):
        assert asleep.call("GET", path)[:2] == (429, {"error": "rate_limited"})
        assert asleep.call("DELETE", path)[0] == 429
    assert asleep.call("POST", "/infer", GOOD)[0] == 202, "prompts are spent from another bucket"


def test_a_bug_of_ours_is_an_undramatic_500_and_the_log_has_the_reason(
    asleep: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asleep.admissions, "admit", lambda _: 1 / 0)
    status, body, headers = asleep.call("POST", "/infer", GOOD)
    assert (status, body, headers["x-request-id"]) == (500, {"error": "internal"}, "request-1")
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_the_access_record_has_every_field_and_neither_token_nor_prompt(
    asleep: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    asleep.call("POST", "/infer", {"prompt": "my secret prompt", "idle": 5}, origin="http://localhost:1")
    out = capsys.readouterr().out
    record = json.loads(out)
    assert {"requestId", "ip", "route", "status", "jwtSub", "latencyMs", "userAgent", "origin"} <= set(record)
    assert (record["route"], record["status"], record["jwtSub"]) == ("POST /infer", 202, "sub-alice")
    assert record["jobId"] in asleep.queue.records
    assert (record["Enqueues"], record["EC2Starts"], record["Reason"]) == (1, 1, "ColdBoot")
    assert "secret" not in out
    assert token()[:20] not in out

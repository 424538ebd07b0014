"""The admin API: how an operation reads, and what is written down of every request."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from tests.unit.resize_desk import DOCUMENT, Desk, node
from tinyllama.domain.automation import Execution, ExecutionStatus, Step, status_of
from tinyllama.domain.node import NodeState
from tinyllama.domain.resize_api import progress, restored


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch, node())


class TestFollowing:
    def test_an_operation_is_shown_with_its_steps(self, desk: Desk) -> None:
        _, started = desk.call({"action": "resize", "target": "g4dn.xlarge"})
        operation = started["operationId"]
        assert desk.call(None, f"/resize/{operation}") == (
            200,
            {
                "operationId": operation,
                "status": "running",
                "action": "resize",
                "target": "g4dn.xlarge",
                "steps": [{"name": "before", "status": "running"}],
            },
        )
        desk.automation.finish()
        assert desk.call(None, f"/resize/{operation}")[1]["status"] == "succeeded"

    def test_what_is_no_operation_of_ours_is_not_found(self, desk: Desk) -> None:
        other = desk.automation.start("TL-StopBuilder", {}, str(uuid.uuid4()))
        for unknown in (other, str(uuid.uuid4()), "x", "", f"{other}/", "../infer"):
            assert desk.call(None, f"/resize/{unknown}") == (404, {"error": "not_found"})

    def test_a_failure_names_the_step_and_says_what_to_do(self) -> None:
        text = "Step fails when it is Execute/Cancelling action. An error occurred (InsufficientInstanceCapacity) when"
        steps = (
            step("before"),
            step(
                "grantLease", ExecutionStatus.FAILED, error="An error occurred (ConflictException) when", critical=False
            ),
            *map(step, ("stop", "waitStopped", "modify")),
            step("start", ExecutionStatus.FAILED, error=text),
            *map(step, ("restoreStop", "restoreWait", "restoreType", "restoreStart")),
        )
        found = progress(execution(ExecutionStatus.FAILED, steps, TargetType="g4dn.xlarge"))
        assert found["restored"] is True
        assert found["error"].startswith("start: InsufficientInstanceCapacity. AWS has no g4dn.xlarge to spare")

    def test_a_failure_without_a_code_names_the_execution(self) -> None:
        steps = (step("before"), step("waitStopped", ExecutionStatus.FAILED, error="after 600 s the value was not"))
        assert "look at execution e-1" in progress(execution(ExecutionStatus.FAILED, steps))["error"]

    def test_an_execution_that_somebody_stopped_says_so(self) -> None:
        found = progress(execution(ExecutionStatus.CANCELLED, (step("before"), step("stop"))))
        assert (found["status"], found["restored"]) == ("cancelled", False)
        assert found["error"].startswith("Somebody stopped the execution")

    @pytest.mark.parametrize(
        ("good", "last", "expected"),
        [
            ((), "before", True),
            (("before", "grantLease"), "stop", True),
            (("before", "stop"), "waitStopped", False),
            (("before", "stop", "modify"), "restoreStop", False),
            (("before", "stop", "modify", "restoreStop", "restoreType"), "restoreStart", False),
        ],
    )
    def test_restored_means_untouched_or_put_back(self, good: tuple[str, ...], last: str, expected: bool) -> None:
        assert restored([*map(step, good), step(last, ExecutionStatus.FAILED)]) is expected

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (
                "Step fails. An error occurred (Unsupported) when calling the StartInstances operation: no.",
                "Unsupported",
            ),
            (
                "Not there (Service: AmazonEC2; Error Code: InvalidInstanceID.NotFound; ID: 1)",
                "InvalidInstanceID.NotFound",
            ),
            ("Step fails when it is Poll action status for completion. Timed out.", ""),
            ("", ""),
        ],
    )
    def test_the_code_is_found_in_either_of_aws_s_texts(self, text: str, code: str) -> None:
        assert step("start", ExecutionStatus.FAILED, error=text).error_code == code

    @pytest.mark.parametrize(
        ("word", "status"),
        [("Waiting", "running"), ("TimedOut", "failed"), ("Success", "succeeded"), ("Cancelled", "cancelled")],
    )
    def test_aws_s_words_become_ours(self, word: str, status: str) -> None:
        assert status_of(word) == status


def step(name: str, status: ExecutionStatus = ExecutionStatus.SUCCEEDED, **more: Any) -> Step:
    return Step(name, "aws:executeAwsApi", status, **more)


def execution(status: ExecutionStatus, steps: tuple[Step, ...], **parameters: str) -> Execution:
    return Execution("e-1", DOCUMENT, status, {"Action": "resize", **parameters}, steps)


class TestTheRecord:
    def test_every_request_leaves_one_line_that_says_who_what_and_with_what_outcome(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _, body = desk.call({"action": "resize", "target": "g4dn.xlarge"})
        record = json.loads(capsys.readouterr().out)
        audit = record["audit"]
        assert datetime.fromisoformat(audit.pop("at")).tzinfo is not None
        assert 0 <= audit.pop("seconds") < 5
        assert audit == {
            "who": "sub-alice",
            "what": "POST /resize",
            "inputs": {"action": "resize", "target": "g4dn.xlarge"},
            "node": "i-1",
            "before": {"instance_type": "t3.small", "state": "stopped"},
            "operationId": body["operationId"],
            "eur_per_hour": {"before": "0", "after": "0"},
            "from": "203.0.113.9",
            "revision": "local",
            "outcome": "accepted",
        }
        assert (record["ResizeRequests"], record["Action"]) == (1, "resize")
        assert (record["status"], record["route"], record["ip"]) == (202, "POST /resize", "203.0.113.9")

    @pytest.mark.parametrize(
        ("state", "body", "before", "after"),
        [
            (NodeState.STOPPED, {"action": "start"}, "0", "0.0210"),
            (NodeState.RUNNING, {"action": "stop"}, "0.0210", "0"),
            (NodeState.RUNNING, {"action": "resize", "target": "g4dn.xlarge"}, "0.0210", "0.5754"),
            (NodeState.STOPPED, {"action": "resize", "target": "g4dn.xlarge"}, "0", "0"),
        ],
    )
    def test_the_line_says_what_an_hour_cost_and_will_cost(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        state: NodeState,
        body: Mapping[str, str],
        before: str,
        after: str,
    ) -> None:
        Desk(monkeypatch, node(state)).call(body)
        audit = json.loads(capsys.readouterr().out)["audit"]
        assert audit["eur_per_hour"] == {"before": before, "after": after}

    def test_a_refusal_is_recorded_with_its_reason_and_never_the_token(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        desk.call({"action": "stop"}, groups=[])
        text = capsys.readouterr().out
        audit = json.loads(text)["audit"]
        assert (audit["who"], audit["outcome"], audit["error"]) == ("sub-alice", "refused", {"error": "forbidden"})
        assert "eyJ" not in text
        assert "ResizeRequests" not in text

    def test_a_bug_is_an_internal_error_and_its_kind_is_logged_without_its_words(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        desk.automation.error = RuntimeError("the reason")
        assert desk.call({"action": "stop"}) == (500, {"error": "internal"})
        logged = capsys.readouterr().out
        assert "RuntimeError" in logged
        assert "the reason" not in logged, "what a foreign exception says may be a secret (ADR 62)"

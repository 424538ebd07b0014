"""The admin API: who may ask for what, and what is started for it."""

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.resize.settings import ResizeSettings
from local.processes import ROOT
from tests.tokens import token
from tests.unit.resize_desk import DOCUMENT, NOW, TYPES, Desk, node
from tinyllama.domain.errors import ApiError, AutomationError, NodeError, SettingsError
from tinyllama.domain.node import Node, NodeState
from tinyllama.domain.resize_api import ResizeAction, parse_resize


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch, node())


class TestWhoMayAsk:
    def test_somebody_who_is_no_admin_is_forbidden(self, desk: Desk) -> None:
        for groups in ([], ["users"], ["Admins"]):
            assert desk.call({"action": "stop"}, groups=groups) == (403, {"error": "forbidden"})
            assert desk.call(None, f"/resize/{uuid.uuid4()}", groups=groups) == (403, {"error": "forbidden"})
        assert desk.automation.started == []

    def test_without_a_token_or_with_a_bad_one_nobody_gets_in(self, desk: Desk) -> None:
        assert desk.call({"action": "stop"}, authorization="") == (401, {"error": "missing_token"})
        assert desk.call({"action": "stop"}, authorization="Bearer x") == (403, {"error": "invalid_token"})
        assert desk.call({"action": "stop"}, origin="https://evil.example.com") == (
            403,
            {"error": "origin_not_allowed"},
        )

    def test_a_forged_admin_is_refused(self, desk: Desk) -> None:
        forged = token(groups=["admins"], signed_by="somebody-else")
        assert desk.call({"action": "stop"}, authorization=f"Bearer {forged}")[0] == 403


class TestStarting:
    @pytest.mark.parametrize("action", ["start", "stop"])
    def test_an_action_starts_the_document_once(self, desk: Desk, action: str) -> None:
        status, body = desk.call({"action": action})
        assert (status, body) == (202, {"status": "accepted", "operationId": body["operationId"]})
        [(document, parameters)] = desk.automation.started
        assert (document, parameters["Action"], parameters["InstanceId"]) == (DOCUMENT, action, "i-1")
        assert uuid.UUID(body["operationId"])

    def test_whatever_may_start_the_node_has_a_lease_and_a_stop_needs_none(self, desk: Desk) -> None:
        desk.call({"action": "resize", "target": "g4dn.xlarge"})
        [(_, parameters)] = desk.automation.started
        assert parameters == {
            "InstanceId": "i-1",
            "Action": "resize",
            "TargetType": "g4dn.xlarge",
            "LeaseUntil": "2023-11-14T23:13:20",
        }
        desk.automation.finish()
        desk.call({"action": "stop"})
        assert "LeaseUntil" not in desk.automation.started[-1][1]

    @pytest.mark.parametrize(
        ("body", "field", "code"),
        [
            ("", "body", "json_invalid"),
            ("[]", "body", "model_type"),
            ({}, "action", "missing"),
            ({"action": "destroy"}, "action", "enum"),
            ({"action": 1}, "action", "enum"),
            ({"action": ["stop"]}, "action", "enum"),
            ({"action": "stop", "instance": "i-2"}, "instance", "extra_forbidden"),
            ({"action": "resize"}, "target", "missing"),
            ({"action": "resize", "target": 5}, "target", "string_type"),
            ({"action": "resize", "target": "p4d.24xlarge"}, "target", "unknown_type"),
            ({"action": "resize", "target": "t3.small"}, "target", "unchanged"),
            ({"action": "stop", "target": "t3.small"}, "target", "not_allowed"),
        ],
    )
    def test_a_bad_body_is_refused_with_the_field_and_nothing_starts(
        self, desk: Desk, body: Any, field: str, code: str
    ) -> None:
        status, answer = desk.call(body)
        assert (status, answer["error"]) == (400, "invalid_request")
        assert [(one["field"], one["code"]) for one in answer["fields"]] == [(field, code)]
        assert desk.automation.started == []

    def test_while_one_is_at_work_there_is_no_second(self, desk: Desk) -> None:
        _, first = desk.call({"action": "start"})
        assert desk.call({"action": "stop"}) == (
            409,
            {"error": "resize_running", "operationId": first["operationId"]},
        )
        desk.automation.finish()
        assert desk.call({"action": "stop"})[0] == 202

    def test_of_two_in_the_same_moment_the_second_is_refused(self, desk: Desk) -> None:
        _, first = desk.call({"action": "start"})
        desk.automation.listed_late = True
        assert desk.call({"action": "stop"}) == (409, {"error": "resize_running"})
        assert desk.call({"action": "start"}) == (202, first), "the same request again is the same operation"

    @pytest.mark.parametrize(
        ("action", "state", "said"),
        [
            ("start", NodeState.STOPPING, "node_stopping: "),
            ("stop", NodeState.PENDING, "node_booting: "),
            ("resize", NodeState.PENDING, "node_booting: "),
        ],
    )
    def test_a_node_between_two_states_is_waited_for(
        self, monkeypatch: pytest.MonkeyPatch, action: str, state: NodeState, said: str
    ) -> None:
        desk = Desk(monkeypatch, node(state))
        asked = {"action": action} | ({"target": "g4dn.xlarge"} if action == "resize" else {})
        status, body = desk.call(asked)
        assert (status, body["error"]) == (503, "resize_failed")
        assert body["detail"].startswith(said)
        assert desk.automation.started == []

    @pytest.mark.parametrize("state", [NodeState.RUNNING, NodeState.PENDING])
    def test_a_node_that_runs_or_boots_is_not_started_again_and_so_its_lease_ends_as_it_did(
        self, monkeypatch: pytest.MonkeyPatch, state: NodeState
    ) -> None:
        desk = Desk(monkeypatch, node(state, launched_at=NOW - 3_600))
        assert desk.call({"action": "start"}) == (409, {"error": "already_running"})
        assert desk.automation.started == []

    def test_whoever_asks_again_while_the_node_boots_is_told_of_the_operation(self, desk: Desk) -> None:
        _, first = desk.call({"action": "start"})
        desk.nodes.start("i-1")
        for action in ("start", "stop"):
            again = desk.call({"action": action})
            assert again == (409, {"error": "resize_running", "operationId": first["operationId"]})
        desk.automation.finish()
        assert desk.call({"action": "start"}) == (409, {"error": "already_running"})

    def test_a_node_that_has_used_its_hours_is_not_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = Desk(monkeypatch, node(NodeState.RUNNING, launched_at=NOW - 10_800))
        desk.nodes.stop("i-1")
        desk.nodes.advance(60)
        assert desk.call({"action": "start"})[1]["detail"].startswith("daily_hours_used: ")
        assert desk.call({"action": "stop"})[0] == 202

    @pytest.mark.parametrize("nodes", [(), (node(), Node("i-2", NodeState.STOPPED, "t3.small"))])
    def test_without_one_node_it_is_said_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, nodes: tuple[Node, ...]
    ) -> None:
        desk = Desk(monkeypatch, *nodes)
        status, body = desk.call({"action": "stop"})
        assert (status, body["error"]) == (503, "resize_failed")
        assert "terraform apply" in body["detail"] or "terminate or untag" in body["detail"]

    def test_what_aws_refuses_is_503_with_its_words(self, desk: Desk) -> None:
        desk.automation.error = AutomationError("ThrottlingException", "Rate exceeded")
        assert desk.call({"action": "stop"}) == (
            503,
            {"error": "resize_failed", "detail": "ThrottlingException: Rate exceeded"},
        )
        assert desk.call(None, f"/resize/{uuid.uuid4()}")[0] == 503
        desk.nodes.fail("nodes", NodeError("RequestLimitExceeded", "Request limit exceeded."))
        assert desk.call({"action": "stop"})[1]["detail"] == "RequestLimitExceeded: Request limit exceeded."


def test_a_missing_setting_stops_the_function_and_is_named() -> None:
    with pytest.raises(SettingsError, match="COGNITO_ISSUER"):
        ResizeSettings.from_env({})


def test_terraform_gives_the_function_the_settings_that_it_reads() -> None:
    text = (ROOT / "terraform" / "modules" / "functions" / "resize.tf").read_text()
    block = text.partition("environment = {")[2].partition("}")[0]
    given = {name.lower() for name in re.findall(r"^\s*([A-Z_]+)\s*=", block, re.MULTILINE)}
    required = {name for name, field in ResizeSettings.model_fields.items() if field.is_required()}
    assert required <= given <= set(ResizeSettings.model_fields)


bodies: st.SearchStrategy[Mapping[str, Any]] = st.dictionaries(
    st.sampled_from(["action", "target", "other"]),
    st.one_of(st.sampled_from([*ResizeAction, *TYPES, "x"]), st.none(), st.integers(), st.lists(st.text())),
)


@given(bodies)
def test_a_body_is_either_one_of_four_or_refused_with_a_field(body: Mapping[str, Any]) -> None:
    allowed = [{"action": "start"}, {"action": "stop"}, *({"action": "resize", "target": each} for each in TYPES)]
    said = {name: value for name, value in body.items() if name == "other" or value is not None}
    if said in allowed:
        assert parse_resize(json.dumps(body), TYPES).model_dump(mode="json", exclude_none=True) == said
        return
    with pytest.raises(ApiError) as refusal:
        parse_resize(json.dumps(body), TYPES)
    assert all(one["field"] and one["message"] for one in refusal.value.body["fields"])

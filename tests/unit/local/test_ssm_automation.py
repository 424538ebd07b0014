"""What an Automation document says, rule by rule; and that the documents in Terraform can be executed and lead back."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from local.aws.ssm.document import (
    InvalidDocumentError,
    InvalidParametersError,
    Specification,
    UnresolvedError,
    check_parameters,
    parse,
    seconds,
    substituted,
)
from local.aws.ssm.seed import TEMPLATE, duties, rendered
from local.aws.ssm.steps import StepTimedOutError, Tools, execute, selected
from local.processes import ROOT
from tinyllama.domain import resize_api

VALUES = {
    "role_arn": "arn:aws:iam::123456789012:role/document",
    "lease_group": "tinyllama-leases",
    "lease_role_arn": "arn:aws:iam::123456789012:role/lease",
    "partition": "aws",
    "types": '["", "t3.small", "g4dn.xlarge"]',
}
API = {"Service": "ec2", "Api": "DescribeInstances"}


def resize_document() -> Specification:
    return parse(rendered(VALUES))


def document(*steps: Mapping[str, Any], **more: Any) -> str:
    given = [{"action": "aws:executeAwsApi", "inputs": API, **step} for step in steps]
    return yaml.safe_dump({"schemaVersion": "0.3", "assumeRole": "arn", "mainSteps": given, **more})


class TestWhatFollowsAStep:
    def found(self, **first: Any) -> Specification:
        return parse(document({"name": "a", **first}, {"name": "b"}, {"name": "c"}))

    @pytest.mark.parametrize(
        ("first", "after_success", "after_failure"),
        [
            ({}, "b", None),
            ({"onFailure": "Continue"}, "b", "b"),
            ({"onFailure": "step:c"}, "b", "c"),
            ({"nextStep": "c"}, "c", None),
            ({"nextStep": "c", "onFailure": "Continue"}, "c", "c"),
            ({"isEnd": True}, None, None),
            ({"isEnd": True, "onFailure": "step:c"}, None, None),
        ],
    )
    def test_it_goes_by_the_outcome_and_an_end_is_an_end(
        self, first: dict[str, Any], after_success: str | None, after_failure: str | None
    ) -> None:
        found = self.found(**first)
        step = found.step("a")
        assert found.after(step, failed=False) == after_success
        assert found.after(step, failed=True) == after_failure

    def test_a_failure_that_is_ignored_is_not_critical_unless_it_is_said_to_be(self) -> None:
        assert self.found().step("a").critical
        assert not self.found(onFailure="Continue").step("a").critical
        assert self.found(onFailure="Continue", isCritical=True).step("a").critical

    def test_the_last_step_is_followed_by_nothing(self) -> None:
        found = self.found()
        assert found.after(found.step("c"), failed=False) is None


class TestOurDocuments:
    @pytest.mark.parametrize("name", ["node/documents/TL-ResizeInstance", "delivery/documents/TL-StopBuilder"])
    def test_they_can_be_executed(self, name: str) -> None:
        text = (ROOT / "terraform" / "modules" / f"{name}.yaml").read_text()
        for key, value in VALUES.items():
            text = text.replace(f"${{{key}}}", value)
        assert parse(text).steps

    def test_whatever_fails_after_the_node_was_changed_leads_to_the_way_back(self) -> None:
        found = resize_document()
        for name in ("modify", "verifyType", "start", "waitRunning"):
            assert found.after(found.step(name), failed=True) == "restoreStop", name
            assert found.step(name).critical, name

    def test_nothing_starts_the_node_before_the_lease(self) -> None:
        names = [step.name for step in resize_document().steps]
        assert names.index("grantLease") < names.index("renewLease") < names.index("start")
        found = resize_document()
        assert found.after(found.step("renewLease"), failed=True) is None

    def test_the_steps_that_the_admin_api_knows_are_there(self) -> None:
        names = {step.name for step in resize_document().steps}
        assert {*resize_api.CHANGING, resize_api.PUT_BACK} <= names
        parameters = resize_document().parameters
        assert parameters["Action"]["allowedValues"] == [action.value for action in resize_api.ResizeAction]
        assert {"InstanceId", "Action", "TargetType", "LeaseUntil"} <= set(parameters)

    def test_its_role_may_do_here_what_terraform_allows(self) -> None:
        policy = (ROOT / "terraform" / "modules" / "node" / "resize.tf").read_text().partition("aws_iam_role_policy")[2]
        allowed = set(re.findall(r'"((?:ec2|scheduler|iam|ssm|sts):\w+)"', policy)) - {"iam:PassedToService"}
        given = [statement["Action"] for statement in duties("eu-central-1", "arn", "group")]
        assert {action for one in given for action in ([one] if isinstance(one, str) else one)} == allowed

    def test_the_template_has_no_other_holes(self) -> None:
        assert "${" in TEMPLATE.read_text()
        assert "${" not in rendered(VALUES)


class TestRefusals:
    @pytest.mark.parametrize(
        "text",
        [
            "just text",
            document({"name": "a"}).replace("0.3", "2.2"),
            document(),
            document({"name": "a"}, assumeRole=""),
            document({"name": "a"}, {"name": "a"}),
            document({"name": "a", "action": "aws:executeScript"}),
            document({"name": "a", "onCancel": "step:b"}),
            document({"name": "a", "inputs": {"Service": "ec2"}}),
            document({"name": "a", "onFailure": "Retry"}),
            document({"name": "a", "onFailure": "step:b"}),
            document({"name": "a", "nextStep": "b"}),
            document({"name": "a", "inputs": {**API, "InstanceIds": ["{{ Nobody }}"]}}),
            document({"name": "a"}, outputs=["a.Type"]),
        ],
    )
    def test_a_document_that_would_be_misread_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidDocumentError):
            parse(text)

    def test_parameters_are_checked_against_what_the_document_allows(self) -> None:
        found = resize_document()
        good = {"InstanceId": ["i-0123456789abcdef0"], "Action": ["stop"]}
        assert check_parameters(found, good)["TargetType"] == ""
        for wrong in ({"Action": ["destroy"]}, {"Action": ["stop", "start"]}, {"X": ["y"]}, {"LeaseUntil": ["soon"]}):
            with pytest.raises(InvalidParametersError):
                check_parameters(found, {**good, **wrong})
        with pytest.raises(InvalidParametersError, match="InstanceId"):
            check_parameters(found, {"Action": ["stop"]})


class TestValues:
    def test_variables_are_replaced_wherever_they_stand(self) -> None:
        given = {"Name": "lease-{{ Id }}", "Ids": ["{{Id}}"], "Deep": {"Input": '["{{ Id }}"]'}, "Number": 3}
        assert substituted(given, {"Id": "i-1"}) == {
            "Name": "lease-i-1",
            "Ids": ["i-1"],
            "Deep": {"Input": '["i-1"]'},
            "Number": 3,
        }
        with pytest.raises(UnresolvedError, match="before"):
            substituted("{{ before.Type }}", {})

    @pytest.mark.parametrize(
        ("selector", "value"),
        [("$.A[0].B", 1), ("$.A[1].B", None), ("$.C", None), ("$.A.B", None), ("$.A[0].B.C", None)],
    )
    def test_a_selector_leads_to_a_value_or_nowhere(self, selector: str, value: int | None) -> None:
        assert selected(selector, {"A": [{"B": 1}]}) == value

    @pytest.mark.parametrize("selector", ["A", "$", "$..A", "$.A[*].B", "$.A[?(@.B)]"])
    def test_a_selector_that_is_not_evaluated_here_is_refused(self, selector: str) -> None:
        with pytest.raises(UnresolvedError):
            selected(selector, {"A": [{"B": 1}]})

    def test_durations_are_seconds(self) -> None:
        assert [seconds(text) for text in ("PT30S", "PT2M", "PT1H30M")] == [30, 120, 5_400]
        for wrong in ("PT", "30", "P1D"):
            with pytest.raises(UnresolvedError):
                seconds(wrong)


class TestActions:
    def run(self, step: Mapping[str, Any], answers: list[Any]) -> Any:
        """Execute the step; each look at AWS takes one answer, each wait takes 10 s."""
        now = [0.0]

        def wait() -> bool:
            now[0] += 10
            return True

        spec = parse(document(step)).steps[0]
        tools = Tools(lambda *_: answers.pop(0), wait, lambda: now[0])
        return execute(spec, spec.inputs, tools), now[0]

    def test_a_wait_ends_when_the_value_is_there_or_the_time_is_up(self) -> None:
        wanted = {**API, "PropertySelector": "$.S", "DesiredValues": ["on"]}
        step = {"name": "a", "action": "aws:waitForAwsResourceProperty", "inputs": wanted, "timeoutSeconds": 30}
        assert self.run(step, [{"S": "off"}, {}, {"S": "on"}])[1] == 20
        with pytest.raises(StepTimedOutError):
            self.run(step, [{"S": "off"}] * 9)

    def test_a_sleep_lasts_as_long_as_it_says(self) -> None:
        step = {"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1M"}}
        assert self.run(step, [])[1] == 60

    @pytest.mark.parametrize(
        ("operator", "value", "chosen"),
        [("StringEquals", "on", "b"), ("StringEquals", "off", "c"), ("StartsWith", "o", "b"), ("Contains", "n", "b")],
    )
    def test_a_branch_takes_the_first_choice_that_fits(self, operator: str, value: str, chosen: str) -> None:
        choice = {"NextStep": "b", "Variable": "on", operator: value}
        branch = {"name": "a", "action": "aws:branch", "inputs": {"Choices": [choice], "Default": "c"}}
        spec = parse(document(branch, {"name": "b"}, {"name": "c"})).steps[0]
        assert execute(spec, spec.inputs, Tools(lambda *_: {}, lambda: True, lambda: 0.0)).chosen == chosen

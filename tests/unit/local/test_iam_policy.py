"""Policies are evaluated as AWS does: deny wins, conditions count, and what is not understood is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.aws.policy import AccessRequest, Decision, UnsupportedPolicyError, decide

NODE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-1"
OURS = {"aws:resourcetag/project": "tinyllama"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any = "ec2:StopInstances", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(**more: Any) -> dict[str, Any]:
    return {**allow(**more), "Effect": "Deny"}


def stop(resource: str = NODE, **context: Any) -> AccessRequest:
    return AccessRequest("ec2:StopInstances", resource, context.get("context", {}), context.get("principal", ""))


class TestDecisions:
    def test_without_a_word_nothing_is_allowed(self) -> None:
        assert decide([policy()], stop()) is Decision.NOT_MENTIONED
        assert decide([policy(allow("ec2:StartInstances"))], stop()) is Decision.NOT_MENTIONED

    def test_a_deny_wins_wherever_it_stands(self) -> None:
        assert decide([policy(allow(), deny())], stop()) is Decision.DENY
        assert decide([policy(deny()), policy(allow())], stop()) is Decision.DENY

    def test_one_statement_may_stand_without_a_list(self) -> None:
        assert decide([{"Version": "2012-10-17", "Statement": allow()}], stop()) is Decision.ALLOW

    @pytest.mark.parametrize(
        ("pattern", "decision"),
        [
            ("ec2:stopinstances", Decision.ALLOW),
            ("ec2:Stop*", Decision.ALLOW),
            ("ec2:StopInstance?", Decision.ALLOW),
            ("*", Decision.ALLOW),
            ("ec2:Stop", Decision.NOT_MENTIONED),
            ("ec2:StopInstance", Decision.NOT_MENTIONED),
            ("ec2.StopInstances", Decision.NOT_MENTIONED),
        ],
    )
    def test_actions_match_by_wildcards_and_regardless_of_case(self, pattern: str, decision: Decision) -> None:
        assert decide([policy(allow(pattern))], stop()) is decision

    def test_resources_match_by_wildcards_and_their_case(self) -> None:
        assert decide([policy(allow(resource="arn:aws:ec2:*:*:instance/*"))], stop()) is Decision.ALLOW
        assert decide([policy(allow(resource="arn:aws:ec2:*:*:Instance/*"))], stop()) is Decision.NOT_MENTIONED
        assert decide([policy(allow(resource="arn:aws:ec2:*:*:volume/*"))], stop()) is Decision.NOT_MENTIONED

    def test_not_action_and_not_resource_turn_the_match_around(self) -> None:
        others = {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}
        assert decide([policy(allow(), others)], stop()) is Decision.DENY
        elsewhere = {"Effect": "Deny", "Action": "*", "NotResource": NODE}
        assert decide([policy(allow(), elsewhere)], stop()) is Decision.ALLOW


class TestConditions:
    def conditional(self, operator: str, key: str, value: Any) -> dict[str, Any]:
        return policy(allow(Condition={operator: {key: value}}))

    @pytest.mark.parametrize(
        ("operator", "value", "given", "holds"),
        [
            ("StringEquals", "tinyllama", "tinyllama", True),
            ("StringEquals", ["a", "tinyllama"], "tinyllama", True),
            ("StringEquals", "tinyllama", "other", False),
            ("StringEquals", "tiny*", "tinyllama", False),
            ("StringEquals", "tinyllama", None, False),
            ("StringEqualsIfExists", "tinyllama", None, True),
            ("StringLike", "tiny*", "tinyllama", True),
            ("StringNotEquals", ["a", "b"], "a", False),
            ("StringNotEquals", ["a", "b"], "c", True),
            ("StringNotEquals", "a", None, True),
            ("Null", "true", None, True),
            ("Null", "true", "a", False),
            ("Bool", "false", "false", True),
            ("Bool", False, "false", True),
            ("ArnLike", "arn:aws:ec2:*:*:instance/*", NODE, True),
            ("IpAddress", "10.20.0.0/22", "10.20.3.1", True),
            ("NotIpAddress", "10.20.0.0/22", "10.20.3.1", False),
        ],
    )
    def test_operators(self, operator: str, value: Any, given: str | None, *, holds: bool) -> None:
        context = {} if given is None else {"aws:resourcetag/project": given}
        found = decide([self.conditional(operator, "aws:ResourceTag/Project", value)], stop(context=context))
        assert found is (Decision.ALLOW if holds else Decision.NOT_MENTIONED)

    def test_several_conditions_must_all_hold(self) -> None:
        both = {"StringEquals": {"aws:ResourceTag/Project": "tinyllama", "aws:ResourceTag/Role": "gpu-node"}}
        document = policy(allow(Condition=both))
        assert decide([document], stop(context=OURS)) is Decision.NOT_MENTIONED
        assert decide([document], stop(context={**OURS, "aws:resourcetag/role": "gpu-node"})) is Decision.ALLOW

    def test_any_and_all_of_several_values(self) -> None:
        context = {"aws:tagkeys": ("Project", "Role")}
        for operator, expected in (("ForAnyValue", Decision.ALLOW), ("ForAllValues", Decision.NOT_MENTIONED)):
            document = self.conditional(f"{operator}:StringEquals", "aws:TagKeys", ["Project"])
            assert decide([document], stop(context=context)) is expected

    def test_a_denial_whose_condition_fails_denies_nothing(self) -> None:
        plain = deny(Condition={"Bool": {"aws:SecureTransport": "false"}})
        assert decide([policy(allow(), plain)], stop(context={"aws:securetransport": "true"})) is Decision.ALLOW


class TestPrincipals:
    @pytest.mark.parametrize(
        ("wanted", "decision"),
        [
            ("*", Decision.ALLOW),
            ({"AWS": "*"}, Decision.ALLOW),
            ({"AWS": "123456789012"}, Decision.ALLOW),
            ({"AWS": ["arn:aws:iam::123456789012:root"]}, Decision.ALLOW),
            ({"AWS": "arn:aws:iam::123456789012:role/router"}, Decision.ALLOW),
            ({"AWS": "arn:aws:iam::123456789012:role/other"}, Decision.NOT_MENTIONED),
            ({"AWS": "210987654321"}, Decision.NOT_MENTIONED),
            ({"Service": "events.amazonaws.com"}, Decision.NOT_MENTIONED),
        ],
    )
    def test_who_is_meant(self, wanted: Any, decision: Decision) -> None:
        request = stop(principal="arn:aws:iam::123456789012:role/router")
        assert decide([policy(allow(Principal=wanted))], request) is decision


class TestNothingIsGuessed:
    @pytest.mark.parametrize(
        "statement",
        [
            allow(Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}),
            allow(resource="arn:aws:s3:::bucket/${aws:username}"),
            allow(NotPrincipal="*"),
            allow(Conditions={}),
        ],
    )
    def test_what_is_not_known_is_an_error(self, statement: dict[str, Any]) -> None:
        with pytest.raises(UnsupportedPolicyError):
            decide([policy(statement)], stop(context={"aws:currenttime": "2029-01-01T00:00:00Z"}))

    @given(st.text(min_size=1), st.text(min_size=1))
    def test_without_wildcards_a_resource_matches_itself_only(self, pattern: str, resource: str) -> None:
        if not set("*?$") & set(pattern):
            found = decide([policy(allow(resource=pattern))], stop(resource))
            assert (found is Decision.ALLOW) == (pattern == resource)

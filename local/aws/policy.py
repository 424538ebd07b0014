"""Evaluates IAM policy documents as AWS does, for the elements and condition operators that this project uses.

Pure. What it does not know raises `UnsupportedPolicyError`, so that no policy passes by being misread.
Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class UnsupportedPolicyError(Exception):
    """A policy uses an element, operator or variable that is not evaluated here."""


class Decision(Enum):
    """What policies say; without an `ALLOW` of any kind a request is refused, too."""

    ALLOW = "allow"
    DENY = "deny"
    NOT_MENTIONED = "not mentioned"


@dataclass(frozen=True)
class AccessRequest:
    """One use of an IAM action (`sqs:SendMessage`) on a resource's ARN.

    `context` holds condition keys in lower case (`aws:resourcetag/project`); an absent key is absent in AWS's sense.
    `principal` counts in resource policies only: an ARN, or the name of a service.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    principal: str = ""


def decide(policies: Iterable[Mapping[str, Any]], request: AccessRequest) -> Decision:
    """Evaluate all statements of all documents: an explicit deny wins, then any allow."""
    effects = {statement["Effect"] for policy in policies for statement in _matching(policy, request)}
    if "Deny" in effects:
        return Decision.DENY
    return Decision.ALLOW if "Allow" in effects else Decision.NOT_MENTIONED


def statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a document's statements, which may be one object instead of a list."""
    found = policy["Statement"]
    return list(found) if isinstance(found, list) else [found]


def listed(value: Any) -> list[str]:
    """Return a policy element's values, which may be one string instead of a list."""
    return [str(item) for item in value] if isinstance(value, list) else [_text(value)]


def action_matches(pattern: str, action: str) -> bool:
    """Say whether a pattern of a policy's `Action` covers an action; case does not count there."""
    return _like(pattern.lower(), action.lower())


def _matching(policy: Mapping[str, Any], request: AccessRequest) -> Iterator[Mapping[str, Any]]:
    for statement in statements(policy):
        unknown = set(statement) - _ELEMENTS
        if unknown:
            raise UnsupportedPolicyError(f"unknown elements of a statement: {', '.join(sorted(unknown))}")
        if (
            _covers(statement, "Action", request.action, action_matches)
            and _covers(statement, "Resource", request.resource, _like)
            and _for_principal(statement, request.principal)
            and all(
                _holds(operator, key, listed(wanted), request)
                for operator, keys in statement.get("Condition", {}).items()
                for key, wanted in keys.items()
            )
        ):
            yield statement


_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"}


def _covers(statement: Mapping[str, Any], element: str, value: str, matches: Callable[[str, str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(matches(pattern, value) for pattern in listed(statement[f"Not{element}"]))
    if element == "Resource" and element not in statement:  # a trust policy has none
        return True
    return any(matches(pattern, value) for pattern in listed(statement[element]))


def _for_principal(statement: Mapping[str, Any], principal: str) -> bool:
    wanted = statement.get("Principal", "*")
    values = [wanted] if isinstance(wanted, str) else [one for group in wanted.values() for one in listed(group)]
    return any(value == "*" or _same_principal(value, principal) for value in values)


def _same_principal(wanted: str, principal: str) -> bool:
    account = re.fullmatch(r"(?:arn:aws:iam::)?(\d{12})(?::root)?", wanted)  # an account stands for all within it
    return wanted == principal or bool(account and f"::{account[1]}:" in principal)


def _holds(operator: str, key: str, wanted: list[str], request: AccessRequest) -> bool:
    base, given = operator.removesuffix("IfExists"), request.context.get(key.lower())
    for quantifier, quantified in (("ForAnyValue:", any), ("ForAllValues:", all)):
        if base.startswith(quantifier):
            values = _values(given)
            return quantified(_compare(base.removeprefix(quantifier), value, wanted) for value in values)
    if base == "Null":
        return wanted == [_text(given is None)]
    if given is None:
        return operator.endswith("IfExists") or _is_negated(base)
    return _compare(base, _values(given)[0], wanted)


def _compare(operator: str, given: str, wanted: list[str]) -> bool:
    if operator not in _OPERATORS:
        raise UnsupportedPolicyError(f"unknown condition operator {operator}")
    found = any(_OPERATORS[operator](pattern, given) for pattern in wanted)
    return not found if _is_negated(operator) else found


def _is_negated(operator: str) -> bool:
    return "Not" in operator


def _values(given: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else given


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _like(pattern: str, value: str) -> bool:
    if "${" in pattern:
        raise UnsupportedPolicyError(f"policy variables are not evaluated: {pattern}")
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _equal(pattern: str, value: str) -> bool:
    if "${" in pattern:
        raise UnsupportedPolicyError(f"policy variables are not evaluated: {pattern}")
    return pattern == value


def _equal_ignoring_case(pattern: str, value: str) -> bool:
    return _equal(pattern.lower(), value.lower())


def _in_network(network: str, value: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(network)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": _like,  # both take wildcards
    "ArnLike": _like,
    "ArnNotEquals": _like,
    "ArnNotLike": _like,
    "Bool": _equal_ignoring_case,
    "IpAddress": _in_network,
    "NotIpAddress": _in_network,
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_ignoring_case,
    "StringLike": _like,
    "StringNotEquals": _equal,
    "StringNotLike": _like,
}

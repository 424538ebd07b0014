"""The actions of Automation documents: one function each, as AWS's User Guide describes them.

Each gets a step with its variables replaced, and a way to call AWS. It returns what the step found out, or raises.
Source: AWS Systems Manager User Guide, "Systems Manager Automation actions reference".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.aws.ssm.document import StepSpec, UnresolvedError, seconds

CallAws = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""Makes an AWS call as the document's role: service, operation, parameters."""
Wait = Callable[[], bool]
"""Lets a little time pass; false when the execution shall end now."""
_OURS = {"Service", "Api", "PropertySelector", "DesiredValues"}


class StepFailedError(Exception):
    """The step did not do what it is for; the text says why."""


class StepTimedOutError(Exception):
    """The step took longer than its `timeoutSeconds`."""


class CancelledError(Exception):
    """Somebody stopped the execution."""


@dataclass(frozen=True)
class Tools:
    """What actions work with; `now` gives seconds."""

    call: CallAws
    wait: Wait
    now: Callable[[], float]


@dataclass(frozen=True)
class Found:
    """What a step leaves: its outputs, and for a branch the step that it chose."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    chosen: str | None = None


def execute(step: StepSpec, inputs: Mapping[str, Any], tools: Tools) -> Found:
    """Carry out one step. Raises what the module defines, UnresolvedError, and whatever botocore raises."""
    return _ACTIONS[step.action](step, inputs, tools)


def _ask(inputs: Mapping[str, Any], tools: Tools) -> Mapping[str, Any]:
    given = {name: value for name, value in inputs.items() if name not in _OURS}
    return tools.call(inputs["Service"], inputs["Api"], given)


def selected(selector: str, answer: Mapping[str, Any]) -> Any:
    """Follow a selector such as `$.Reservations[0].Instances[0].State.Name`; None where it leads nowhere."""
    if not _SELECTOR.fullmatch(selector):
        raise UnresolvedError(f"of JSONPath, {selector} is not evaluated here")
    found: Any = answer
    for name, index in _PART.findall(selector):
        try:
            found = found[name] if name else found[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return found


_PART = re.compile(r"\.(\w+)|\[(\d+)\]")
_SELECTOR = re.compile(rf"\$(?:{_PART.pattern})+")


def _execute_api(step: StepSpec, inputs: Mapping[str, Any], tools: Tools) -> Found:
    answer = _ask(inputs, tools)
    outputs = {name: selected(selector, answer) for name, selector in step.outputs}
    missing = [name for name, value in outputs.items() if value is None]
    if missing:
        raise StepFailedError(f"the answer to {inputs['Api']} has no value for the outputs {', '.join(missing)}")
    return Found({name: str(value) for name, value in outputs.items()})


def _wait_for_property(step: StepSpec, inputs: Mapping[str, Any], tools: Tools) -> Found:
    until = tools.now() + step.timeout_s
    while _property(inputs, tools) not in inputs["DesiredValues"]:
        if tools.now() >= until:
            raise StepTimedOutError(f"after {step.timeout_s:.0f} s the value was not one of {inputs['DesiredValues']}")
        _pause(tools)
    return Found()


def _assert_property(_step: StepSpec, inputs: Mapping[str, Any], tools: Tools) -> Found:
    value = _property(inputs, tools)
    if value not in inputs["DesiredValues"]:
        raise StepFailedError(f"{inputs['PropertySelector']} is {value}, not one of {inputs['DesiredValues']}")
    return Found()


def _property(inputs: Mapping[str, Any], tools: Tools) -> Any:
    return selected(inputs["PropertySelector"], _ask(inputs, tools))


def _branch(_step: StepSpec, inputs: Mapping[str, Any], _tools: Tools) -> Found:
    for choice in inputs["Choices"]:
        operators = set(choice) - {"NextStep", "Variable"}
        if operators - set(_OPERATORS):
            raise UnresolvedError(f"the operators {sorted(operators)} are not evaluated here")
        if all(_OPERATORS[name](choice["Variable"], choice[name]) for name in operators):
            return Found(chosen=choice["NextStep"])
    return Found(chosen=inputs["Default"])


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "EqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StartsWith": lambda value, wanted: value.startswith(wanted),
    "EndsWith": lambda value, wanted: value.endswith(wanted),
    "Contains": lambda value, wanted: wanted in value,
}


def _sleep(_step: StepSpec, inputs: Mapping[str, Any], tools: Tools) -> Found:
    until = tools.now() + seconds(inputs["Duration"])
    while tools.now() < until:
        _pause(tools)
    return Found()


def _pause(tools: Tools) -> None:
    if not tools.wait():
        raise CancelledError


_ACTIONS: Mapping[str, Callable[[StepSpec, Mapping[str, Any], Tools], Found]] = {
    "aws:executeAwsApi": _execute_api,
    "aws:waitForAwsResourceProperty": _wait_for_property,
    "aws:assertAwsResourceProperty": _assert_property,
    "aws:branch": _branch,
    "aws:sleep": _sleep,
}

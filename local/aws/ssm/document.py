"""What an Automation document says: its parameters, steps and variables. Pure rules, without moto and without a thread.

Source: AWS Systems Manager User Guide, "Data elements and parameters" (schema 0.3), "Properties shared by all actions",
"aws:branch". What is not executed here is refused when the document is created, so that no step passes unread.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_VARIABLE = re.compile(r"\{\{\s*([\w:.]+)\s*\}\}")
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_KNOWN = {"automation:EXECUTION_ID", "global:REGION", "global:ACCOUNT_ID"}
_API = ("Service", "Api")
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "aws:executeAwsApi": _API,
    "aws:waitForAwsResourceProperty": (*_API, "PropertySelector", "DesiredValues"),
    "aws:assertAwsResourceProperty": (*_API, "PropertySelector", "DesiredValues"),
    "aws:branch": ("Choices", "Default"),
    "aws:sleep": ("Duration",),
}
_PROPERTIES = {
    *("name", "action", "description", "inputs", "outputs", "onFailure", "isCritical", "isEnd", "nextStep"),
    "timeoutSeconds",
}


class InvalidDocumentError(Exception):
    """AWS, or this local AWS, would not take the document; the text says why."""


class InvalidParametersError(Exception):
    """AWS would answer `InvalidAutomationExecutionParametersException`; the text is the message."""


class UnresolvedError(Exception):
    """A step uses a variable that has no value; the step fails."""


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One of `mainSteps`; `outputs` are pairs of a name and a selector."""

    name: str
    action: str
    inputs: Mapping[str, Any]
    outputs: tuple[tuple[str, str], ...]
    on_failure: str
    critical: bool
    is_end: bool
    next_step: str | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Specification:
    """A document that can be executed. `outputs` names steps' outputs as `step.Name`."""

    parameters: Mapping[str, Mapping[str, Any]]
    steps: tuple[StepSpec, ...]
    assume_role: str
    outputs: tuple[str, ...]

    def step(self, name: str) -> StepSpec:
        """Return a step by its name."""
        return next(step for step in self.steps if step.name == name)

    def after(self, step: StepSpec, *, failed: bool, chosen: str | None = None) -> str | None:
        """Name the step that follows, None at the end. `chosen` is what a branch decided.

        `isEnd` ends the execution whether the step succeeds or fails (StepExecution in the API reference), so it
        makes an `onFailure` that names a step useless.
        """
        if step.is_end or (failed and step.on_failure == "Abort"):
            return None
        if failed and step.on_failure.startswith("step:"):
            return step.on_failure.removeprefix("step:")
        given = chosen or step.next_step
        if given:
            return given
        names = [each.name for each in self.steps]
        return dict(itertools.pairwise(names)).get(step.name)


def read(content: str) -> Any:
    """What YAML or JSON says, by libyaml, which is ten times faster than PyYAML's own. Raises `yaml.YAMLError`."""
    return yaml.load(content, yaml.CSafeLoader)


def parse(content: str) -> Specification:
    """Read a document of schema 0.3. Raises InvalidDocumentError."""
    document = read(content)
    if not isinstance(document, dict) or str(document.get("schemaVersion")) != "0.3":
        raise InvalidDocumentError("an Automation document needs schemaVersion 0.3")
    if not document.get("assumeRole"):
        raise InvalidDocumentError("a document without assumeRole would act as its caller: not executed here")
    found = Specification(
        parameters=document.get("parameters") or {},
        steps=tuple(_step(step) for step in document.get("mainSteps") or ()),
        assume_role=document["assumeRole"],
        outputs=tuple(document.get("outputs") or ()),
    )
    _check(found)
    return found


def _step(step: Mapping[str, Any]) -> StepSpec:
    unknown = set(step) - _PROPERTIES
    if unknown or step.get("action") not in _NEEDS:
        raise InvalidDocumentError(f"not executed here: {step.get('action')} with {sorted(unknown)}")
    missing = [name for name in _NEEDS[step["action"]] if name not in step.get("inputs", {})]
    if missing:
        raise InvalidDocumentError(f"step {step.get('name')} lacks the inputs {', '.join(missing)}")
    on_failure = step.get("onFailure", "Abort")
    return StepSpec(
        name=step["name"],
        action=step["action"],
        inputs=step["inputs"],
        outputs=tuple((output["Name"], output["Selector"]) for output in step.get("outputs", ())),
        on_failure=on_failure,
        critical=step.get("isCritical", on_failure != "Continue"),
        is_end=step.get("isEnd", False),
        next_step=step.get("nextStep"),
        timeout_s=float(step.get("timeoutSeconds", 3_600)),
    )


def _check(document: Specification) -> None:
    names = [step.name for step in document.steps]
    if not names or len(set(names)) != len(names):
        raise InvalidDocumentError("mainSteps must have steps, each with a name of its own")
    outputs = {f"{step.name}.{name}" for step in document.steps for name, _ in step.outputs}
    known = {*document.parameters, *outputs, *_KNOWN}
    for step in document.steps:
        choices = [choice["NextStep"] for choice in step.inputs.get("Choices", ())]
        if step.on_failure not in {"Abort", "Continue"} and not step.on_failure.startswith("step:"):
            raise InvalidDocumentError(f"step {step.name}: onFailure {step.on_failure} is not executed here")
        targets = [step.next_step, *choices, step.inputs.get("Default"), step.on_failure.partition("step:")[2]]
        lost = {target for target in targets if target} - set(names)
        unknown = set(variables(step.inputs)) - known
        if lost or unknown:
            raise InvalidDocumentError(f"step {step.name} refers to what is not there: {sorted(lost | unknown)}")
    if set(document.outputs) - outputs or set(variables(document.assume_role)) - known:
        raise InvalidDocumentError("outputs or assumeRole refer to what is not there")


def check_parameters(document: Specification, given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return every parameter's value, given or default. Raises InvalidParametersError."""
    unknown = set(given) - set(document.parameters)
    if unknown:
        raise InvalidParametersError(f"Invalid parameter names: {sorted(unknown)}")
    return {name: _value(name, rule, given.get(name)) for name, rule in document.parameters.items()}


def _value(name: str, rule: Mapping[str, Any], given: Sequence[str] | None) -> str:
    if given is None and "default" not in rule:
        raise InvalidParametersError(f"Missing required parameter: {name}")
    if given is not None and len(given) != 1:
        raise InvalidParametersError(f"Parameter {name} takes one value, not {len(given)}")
    value = str(rule["default"] if given is None else given[0])
    allowed = [str(one) for one in rule.get("allowedValues", [value])]
    if value not in allowed:
        raise InvalidParametersError(f"Parameter {name}: {value!r} is not one of {allowed}")
    pattern = rule.get("allowedPattern") or _TYPES.get(rule["type"], "")
    if pattern and not re.search(pattern, value):
        raise InvalidParametersError(f"Parameter {name}: {value!r} does not match {pattern}")
    return value


_TYPES = {"AWS::EC2::Instance::Id": r"^m?i-[a-z0-9]{8,17}$", "AWS::IAM::Role::Arn": r"^arn:aws[\w-]*:iam::\d{12}:role/"}


def variables(value: Any) -> list[str]:
    """Name every variable within a value."""
    if isinstance(value, Mapping):
        return [name for each in value.values() for name in variables(each)]
    if isinstance(value, list):
        return [name for each in value for name in variables(each)]
    return _VARIABLE.findall(value) if isinstance(value, str) else []


def substituted(value: Any, known: Mapping[str, str]) -> Any:
    """Put values in the places of variables. Raises UnresolvedError."""
    if isinstance(value, Mapping):
        return {name: substituted(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [substituted(each, known) for each in value]
    if not isinstance(value, str):
        return value
    missing = set(variables(value)) - set(known)
    if missing:
        raise UnresolvedError(f"no value for {sorted(missing)}: the step that would give it has not succeeded")
    return _VARIABLE.sub(lambda match: known[match[1]], value)


def seconds(duration: str) -> float:
    """Read an ISO 8601 duration of hours, minutes and seconds. Raises UnresolvedError."""
    found = _DURATION.fullmatch(duration)
    if not found or not any(found.groups()):
        raise UnresolvedError(f"{duration!r} is no duration such as PT30M")
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return hours * 3_600.0 + minutes * 60 + rest

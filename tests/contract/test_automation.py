"""Automation: one suite for the executions in memory and for those of the strict local AWS."""

from collections.abc import Iterator, Mapping
from uuid import uuid4

import pytest

from local.aws.seed import seed
from local.aws.server import StrictAws
from tinyllama.adapters.memory_automation import MemoryAutomation
from tinyllama.adapters.ssm_automation import SsmAutomation
from tinyllama.domain.automation import ExecutionStatus
from tinyllama.domain.errors import AutomationError
from tinyllama.ports import Automation

DOCUMENT = "TL-ResizeInstance"
World = tuple[Automation, Mapping[str, str]]


@pytest.fixture(params=["memory", "strict local AWS"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Automation, and parameters of an execution that does not end by itself."""
    if request.param == "memory":
        yield MemoryAutomation(), {"InstanceId": "i-1", "Action": "start", "LeaseUntil": "2100-01-01T00:00:00"}
        return
    with StrictAws(boot_s=600) as aws:
        parameters = {"InstanceId": seed(aws.url).instance_id, "Action": "start", "LeaseUntil": "2100-01-01T00:00:00"}
        yield SsmAutomation(aws.client("ssm")), parameters


def test_a_token_starts_one_execution_and_no_other_one(world: World) -> None:
    automation, given = world
    token = str(uuid4())
    first = automation.start(DOCUMENT, given, token)
    assert automation.start(DOCUMENT, given, token) == first
    with pytest.raises(AutomationError) as refused:
        automation.start(DOCUMENT, {**given, "Action": "stop"}, token)
    assert refused.value.code == "IdempotentParameterMismatch"
    assert [one.id for one in automation.recent(DOCUMENT)] == [first]


def test_an_execution_is_found_with_its_parameters_and_another_id_is_not(world: World) -> None:
    automation, given = world
    started = automation.start(DOCUMENT, {**given, "TargetType": ""}, str(uuid4()))
    found = automation.execution(started)
    assert found is not None
    assert (found.id, found.document, found.status) == (started, DOCUMENT, ExecutionStatus.RUNNING)
    assert {name: found.parameters[name] for name in given} == given
    assert not found.ended
    assert automation.execution(str(uuid4())) is None


def test_executions_are_listed_by_document_newest_first(world: World) -> None:
    automation, given = world
    first = automation.start(DOCUMENT, given, str(uuid4()))
    second = automation.start(DOCUMENT, given, str(uuid4()))
    assert [one.id for one in automation.recent(DOCUMENT)] == [second, first]
    assert automation.recent("TL-Resize") == [], "the start of a name is not the name"


def test_a_stopped_execution_ends(world: World) -> None:
    automation, given = world
    started = automation.start(DOCUMENT, given, str(uuid4()))
    automation.stop(started)
    for _ in range(1_000):  # the local AWS works in real time, and each look takes some
        found = automation.execution(started)
        if found is not None and found.ended:
            break
    assert found is not None
    assert found.status is ExecutionStatus.CANCELLED

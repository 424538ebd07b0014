"""The module `tl_automation` with the real resize document, on the strict local AWS that executes it."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.exceptions import ReadTimeoutError

from library import tl_automation
from tests.ansible.conftest import BIN, ROOT, Cloud
from tinyllama.adapters.ssm_automation import SsmAutomation
from tinyllama.automation import Patience, carry_out, prepare
from tinyllama.domain.automation_run import AutomationRunError

DOCUMENT = "TL-ResizeInstance"
Module = Callable[..., dict[str, Any]]
LATER = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"


@pytest.fixture
def module(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Module:
    def run(*, check: bool = False, document: str = DOCUMENT, given: Any = None, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        parameters = wanted(cloud) if given is None else given
        arguments = {"document": document, "parameters": parameters, "poll_interval": 0.05, **options}
        with patch_module_args({**arguments, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            tl_automation.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def wanted(cloud: Cloud, **changed: str) -> dict[str, str]:
    return {"InstanceId": cloud.node_id, "Action": "start", "LeaseUntil": LATER, **changed}


def starts(cloud: Cloud) -> int:
    return len(cloud.aws.calls("ssm", "StartAutomationExecution"))


def executions(cloud: Cloud) -> list[str]:
    return [one.id for one in SsmAutomation(cloud.aws.client("ssm")).recent(DOCUMENT)]


def test_check_do_check_do_starts_one_execution_and_then_follows_it(cloud: Cloud, module: Module) -> None:
    cloud.aws.settings(boot_s=600)
    predicted, begun = module(check=True), module(wait_timeout=0)
    assert (predicted["changed"], predicted["steps"][0]["action"]) == (True, "start")
    assert "is still under way after 0 s" in begun["msg"]
    assert f"--automation-execution-id {begun['execution']['id']}" in begun["msg"]
    assert begun["restored"] is False
    again, followed = module(check=True), module(wait_timeout=0)
    assert again["execution"]["id"] == followed["execution"]["id"] == begun["execution"]["id"]
    assert (again["changed"], again["steps"][0]["action"]) == (False, "follow")
    assert (starts(cloud), executions(cloud)) == (1, [begun["execution"]["id"]])


def test_a_good_end_tells_the_steps_that_were_executed(cloud: Cloud, module: Module) -> None:
    done = module()
    assert (done["changed"], done["execution"]["status"]) == (True, "succeeded")
    names = [step["name"] for step in done["executed"]]
    assert names == ["before", "chooseLease", "grantLease", "chooseStop", "start", "waitRunning", "running"]
    assert all(step["seconds"] is not None and not step["error"] for step in done["executed"])
    assert cloud.node()[1] == "running"
    assert cloud.writes("ec2") == ["StartInstances"]


def test_what_was_begun_before_is_followed_to_its_end(cloud: Cloud) -> None:
    cloud.aws.settings(boot_s=600)
    control = SsmAutomation(cloud.aws.client("ssm"))
    begun = control.start(DOCUMENT, wanted(cloud), str(uuid4()))
    step, running = prepare(control, DOCUMENT, wanted(cloud))
    assert (step.action, running is not None) == ("follow", True)
    told: list[str] = []
    patience = Patience(sleep=once(lambda _seconds: control.stop(begun)), tell=told.append)
    with pytest.raises(AutomationRunError, match="was cancelled") as raised:
        carry_out(control, step, wanted(cloud), patience)
    assert raised.value.execution is not None
    assert (raised.value.execution.id, starts(cloud)) == (begun, 1)
    assert told[0] == f"follow {begun} ({DOCUMENT} is under way with these parameters)"


def test_what_runs_with_other_parameters_is_another_execution(cloud: Cloud, module: Module) -> None:
    cloud.aws.settings(boot_s=600)
    SsmAutomation(cloud.aws.client("ssm")).start(DOCUMENT, wanted(cloud), str(uuid4()))
    given = wanted(cloud, Action="stop", LeaseUntil="")
    assert module(check=True, given=given)["steps"][0]["action"] == "start"
    assert module(check=True, given={**wanted(cloud), "TargetType": ""})["steps"][0]["action"] == "follow"


def test_a_failed_step_is_told_with_what_the_document_did_about_it(cloud: Cloud, module: Module) -> None:
    cloud.aws.fail("ec2:StartInstances", "InsufficientInstanceCapacity", times=None)
    answer = module()
    assert f"{DOCUMENT} (" in answer["msg"]
    assert "failed at step start: " in answer["msg"]
    assert "InsufficientInstanceCapacity" in answer["msg"]
    assert "went on with restoreStop, restoreWait" in answer["msg"]
    assert answer["restored"] is False
    failed = next(step for step in answer["executed"] if step["name"] == "start")
    assert (failed["status"], "InsufficientInstanceCapacity" in failed["error"]) == ("failed", True)
    assert answer["execution"]["status"] == "failed"


def test_an_execution_that_somebody_cancels_is_a_failure(cloud: Cloud, module: Module) -> None:
    cloud.aws.settings(boot_s=600)
    control = SsmAutomation(cloud.aws.client("ssm"))
    step, running = prepare(control, DOCUMENT, wanted(cloud))

    def cancel(_seconds: float) -> None:
        control.stop(executions(cloud)[0])

    assert running is None
    with pytest.raises(AutomationRunError, match=r"was cancelled at step .*not put back") as raised:
        carry_out(control, step, wanted(cloud), Patience(sleep=once(cancel)))
    assert raised.value.touched


def once(act: Callable[[float], None]) -> Callable[[float], None]:
    """A sleep that does something the first time, and nothing afterwards: looking takes real time by itself."""
    left = [act]
    return lambda seconds: left.pop()(seconds) if left else None


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("document", "given", "says"),
    [
        ("TL-Nothing", {}, "There is no Automation document TL-Nothing here: is this the right account"),
        ("AWS-RunShellScript", {}, "There is no Automation document AWS-RunShellScript"),
        (DOCUMENT, {"Action": "start"}, f"{DOCUMENT} needs InstanceId; its parameters are Action, "),
        (DOCUMENT, {"Action": "", "InstanceId": "i-1"}, f"{DOCUMENT} needs Action;"),
        (DOCUMENT, {"Action": "start", "Colour": "red"}, f"{DOCUMENT} has no parameter Colour and needs InstanceId"),
    ],
)
def test_bad_input_is_refused_in_check_mode_too_and_touches_nothing(
    cloud: Cloud, module: Module, check: bool, document: str, given: dict[str, str], says: str
) -> None:
    answer = module(check=check, document=document, given=given)
    assert says in answer["msg"]
    assert (answer["restored"], starts(cloud)) == (None, 0)


def test_what_only_aws_can_refuse_is_refused_by_it(cloud: Cloud, module: Module) -> None:
    answer = module(given=wanted(cloud, Action="explode"))
    assert "AWS has not started TL-ResizeInstance: InvalidAutomationExecutionParametersException" in answer["msg"]
    assert (answer["restored"], executions(cloud)) == (None, [])


def test_without_the_permission_to_look_nothing_is_started(cloud: Cloud, module: Module) -> None:
    cloud.aws.fail("ssm:DescribeAutomationExecutions", "AccessDeniedException", times=None, status=400)
    answer = module()
    assert "AccessDeniedException" in answer["msg"]
    assert (answer["restored"], starts(cloud)) == (None, 0)


class LosesAnswers:
    """A client whose first starts are accepted, and whose answers never arrive."""

    def __init__(self, client: Any, lost: int) -> None:
        self._client, self._lost = client, lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def start_automation_execution(self, **wanted: Any) -> Any:
        answer = self._client.start_automation_execution(**wanted)
        self._lost -= 1
        if self._lost >= 0:
            raise ReadTimeoutError(endpoint_url="ssm")
        return answer


def test_a_lost_answer_starts_no_second_execution(cloud: Cloud) -> None:
    control = SsmAutomation(LosesAnswers(cloud.aws.client("ssm"), lost=2))
    step, _ = prepare(control, DOCUMENT, wanted(cloud))
    done = carry_out(control, step, wanted(cloud), Patience(poll_s=0.05))
    assert executions(cloud) == [done.id]


def test_when_every_answer_is_lost_the_same_command_finds_the_execution(cloud: Cloud, module: Module) -> None:
    cloud.aws.settings(boot_s=600)
    control = SsmAutomation(LosesAnswers(cloud.aws.client("ssm"), lost=9))
    step, _ = prepare(control, DOCUMENT, wanted(cloud))
    with pytest.raises(AutomationRunError, match="the same command follows it if so") as raised:
        carry_out(control, step, wanted(cloud), Patience())
    assert raised.value.touched
    [begun] = executions(cloud)
    assert module(check=True)["steps"] == [
        {"action": "follow", "target": begun, "reason": f"{DOCUMENT} is under way with these parameters"}
    ]


def test_a_look_that_fails_for_a_moment_does_not_end_the_wait(cloud: Cloud, module: Module) -> None:
    cloud.aws.fail("ssm:GetAutomationExecution", "ThrottlingException", times=2, status=400)
    assert module()["execution"]["status"] == "succeeded"


def test_a_task_shows_its_progress_and_fills_the_audit_line(cloud: Cloud, tmp_path: Path) -> None:
    cloud.aws.settings(boot_s=1)
    task = {"document": DOCUMENT, "parameters": wanted(cloud), "poll_interval": 0.1}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"tl_automation": task}]}]
    path = tmp_path / "play.yml"
    path.write_text(json.dumps(play))
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "500"}
    done = subprocess.run(
        [BIN / "ansible-playbook", path], cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "start TL-ResizeInstance (none is under way with these parameters)" in done.stdout
    assert "step waitRunning (running) after" in done.stdout
    assert "changed=1" in done.stdout

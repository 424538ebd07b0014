"""`start.yml`, `stop.yml`, `resize_rollback.yml`, and killed runs, on the strict local AWS and a real Redis."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.redis_server import HOST, RedisServer
from tests import factories
from tests.ansible.conftest import BIN, ROOT, Cloud, Run, killed_with_its_workers, once
from tinyllama.adapters.node_settings import PATH
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink

Runbook = Callable[..., Run]
NAME, GPU, SANDBOX = "tinyllama-gpu", "g4dn.xlarge", "t3.small"
QUICK = {"confirm": NAME, "poll_interval": "0.1"}


def lease(cloud: Cloud) -> str | None:
    scheduler = cloud.aws.client("scheduler")
    try:
        found = scheduler.get_schedule(Name=f"tinyllama-lease-{cloud.node_id}")
    except scheduler.exceptions.ResourceNotFoundException:
        return None
    return str(found["Target"]["Input"])


def test_start_grants_a_lease_first_and_the_second_time_changes_nothing(cloud: Cloud, runbook: Runbook) -> None:
    checked = runbook("start", "--check")
    assert (checked.code, checked.changed) == (0, 1), checked.output
    assert [cloud.writes(service) for service in ("ec2", "scheduler", "logs")] == [[], [], []]
    done = runbook("start", **QUICK)
    assert done.code == 0, done.output
    assert cloud.node() == (SANDBOX, "running")
    assert cloud.node_id in str(lease(cloud))
    [granted], [started] = cloud.aws.calls("scheduler", "CreateSchedule"), cloud.aws.calls("ec2", "StartInstances")
    assert granted["time"] <= started["time"]
    cloud.aws.clear()
    again = [runbook("start", "--check"), runbook("start", **QUICK)]
    assert [run.changed for run in again] == [0, 0]
    assert cloud.writes() == cloud.writes("scheduler") == []


def test_without_a_lease_nothing_starts(cloud: Cloud, runbook: Runbook) -> None:
    cloud.aws.fail("scheduler:CreateSchedule", "AccessDeniedException", times=None, status=403)
    run = runbook("start", **QUICK)
    assert run.code == 2
    assert "Nothing starts without the order to stop it" in run.output
    assert cloud.writes() == []
    assert cloud.node() == (SANDBOX, "stopped")


def test_a_node_that_somebody_started_by_hand_gets_a_lease(cloud: Cloud, runbook: Runbook) -> None:
    cloud.bring_to("running")
    cloud.aws.clear()
    run = runbook("start", **QUICK)
    assert run.code == 0, run.output
    assert "it runs without one, and nothing would stop it" in run.output
    assert lease(cloud)
    assert cloud.writes() == []


def test_down_the_ladder_only_if_asked(cloud: Cloud, runbook: Runbook) -> None:
    cloud.no_capacity_for(GPU)
    run = runbook("resize", target=GPU, state="running", ladder="g4dn.2xlarge,g5.xlarge", **QUICK)
    assert run.code == 0, run.output
    assert cloud.node() == ("g4dn.2xlarge", "running")
    assert run.audit[-1]["after"]["instance_type"] == "g4dn.2xlarge"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisAdmissions]:
    with RedisServer() as server:
        monkeypatch.setenv("TL_QUEUE", "redis")
        monkeypatch.setenv("REDIS_HOST", HOST)
        monkeypatch.setenv("REDIS_PORT", str(server.port))
        yield RedisAdmissions(RedisLink(HOST, server.port, timeout_s=5))


def test_stop_waits_for_jobs_unless_forced_and_says_what_is_lost(
    cloud: Cloud, runbook: Runbook, queue: RedisAdmissions
) -> None:
    cloud.bring_to("running")
    cloud.aws.clear()
    queue.admit(factories.job())
    run = runbook("stop", drain_timeout="1", **QUICK)
    assert run.code == 2
    assert "jobs were still queued or in flight after 1 s. Nothing was touched" in run.output
    assert "-e force=true" in run.output
    assert (cloud.writes(), cloud.node()[1], run.audit[-1]["outcome"]) == ([], "running", "refused")
    forced = runbook("stop", force="true", **QUICK)
    assert forced.code == 0, forced.output
    assert "Those in flight are interrupted" in forced.output
    assert cloud.node()[1] == "stopped"


def test_stop_closes_the_door_of_an_idle_queue_before_the_node_goes(
    cloud: Cloud, runbook: Runbook, queue: RedisAdmissions
) -> None:
    cloud.bring_to("running")
    run = runbook("stop", **QUICK)
    assert run.code == 0, run.output
    assert run.audit[-1]["plan"] == ["drain queue", "stop stopped", "wait stopped"]
    link: Any = queue._link
    assert link.ask("EXISTS", "node:draining") == 1


def test_the_queue_is_found_by_what_terraform_told_the_node(
    cloud: Cloud, runbook: Runbook, queue: RedisAdmissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.bring_to("running")
    for name in ("TL_QUEUE", "REDIS_HOST", "REDIS_PORT"):
        cloud.aws.client("ssm").put_parameter(Name=f"{PATH}/{name}", Value=os.environ[name], Type="String")
        monkeypatch.delenv(name)
    queue.admit(factories.job())
    run = runbook("stop", drain_timeout="1", **QUICK)
    assert run.code == 2
    assert "jobs were still queued or in flight after 1 s. Nothing was touched" in run.output


def test_a_queue_of_which_nobody_says_where_it_is_is_warned_about(cloud: Cloud, runbook: Runbook) -> None:
    cloud.bring_to("running")
    run = runbook("stop", **QUICK)
    assert run.code == 0, run.output
    assert "Not drained: nothing says where the queue is" in run.output
    assert cloud.node()[1] == "stopped"


def test_where_the_queue_is_may_be_kept_from_the_operator_which_is_warned_about(cloud: Cloud, runbook: Runbook) -> None:
    cloud.bring_to("running")
    cloud.aws.fail("ssm:GetParametersByPath", "AccessDeniedException", times=None)
    run = runbook("stop", **QUICK)
    assert run.code == 0, run.output
    assert "Not drained: the queue does not answer (/tinyllama/worker: AccessDeniedException" in run.output


def test_a_queue_that_does_not_answer_is_warned_about(
    cloud: Cloud, runbook: Runbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_HOST", HOST)
    monkeypatch.setenv("REDIS_PORT", "9")
    cloud.bring_to("running")
    run = runbook("stop", **QUICK)
    assert run.code == 0, run.output
    assert "Not drained: the queue does not answer" in run.output
    assert cloud.node()[1] == "stopped"


def test_the_last_resize_is_undone_and_doing_it_again_changes_nothing(cloud: Cloud, runbook: Runbook) -> None:
    unknown = runbook("resize_rollback", **QUICK)
    assert unknown.code == 2
    assert "holds no resize that changed anything" in unknown.output
    assert runbook("resize", target=GPU, state="running", **QUICK).code == 0
    undone = runbook("resize_rollback", **QUICK)
    assert undone.code == 0, undone.output
    assert cloud.node() == (SANDBOX, "stopped")
    assert undone.audit[-1]["what"] == "resize_rollback"
    assert runbook("resize_rollback", "--check").changed == 0


@pytest.mark.parametrize("step", ["StopInstances", "ModifyInstanceAttribute", "StartInstances"])
def test_a_resize_that_is_killed_is_completed_by_running_it_again(
    cloud: Cloud, runbook: Runbook, tmp_path: Path, step: str
) -> None:
    assert runbook("start", **QUICK).code == 0
    cloud.aws.settings(boot_s=1.5, stop_s=1.5)
    cloud.aws.clear()
    kill = once(lambda: cloud.aws.calls("ec2", step), killed_with_its_workers)
    assert runbook("resize", meanwhile=kill, target=GPU, **QUICK).code == -signal.SIGKILL
    state = cloud.node()[1]
    assert state in {"stopped", "stopping"} or lease(cloud)
    run = runbook("resize", target=GPU, **QUICK)
    assert run.code == 0, run.output
    assert cloud.node() == (GPU, "running")
    assert lease(cloud)
    assert list(tmp_path.rglob("i-*.json")) == []


def test_the_worker_that_a_killed_run_leaves_behind_is_waited_for(cloud: Cloud, runbook: Runbook) -> None:
    assert runbook("start", **QUICK).code == 0
    cloud.aws.settings(boot_s=3, stop_s=3)  # longer than the second run takes to begin
    cloud.aws.clear()
    kill = once(lambda: cloud.aws.calls("ec2", "StopInstances"), psutil.Process.kill)
    assert runbook("resize", meanwhile=kill, target=GPU, **QUICK).code == -signal.SIGKILL
    run = runbook("resize", target=GPU, **QUICK)
    assert run.code == 0, run.output
    assert "another run is changing the node; waiting until it is done" in run.output
    assert cloud.node() == (GPU, "running")
    assert cloud.writes() == ["StopInstances", "ModifyInstanceAttribute", "StartInstances"]


def test_a_run_that_is_broken_off_says_so(cloud: Cloud, tmp_path: Path) -> None:
    cloud.aws.settings(boot_s=3)
    audit = tmp_path / "deep" / "audit.jsonl"
    command = [str(BIN / "ansible-playbook"), "playbooks/resize.yml", "-e", f"target={GPU}", "-e", "state=running"]
    command += [f"-e{name}={value}" for name, value in QUICK.items()]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TL_AUDIT_FILE": str(audit)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, process_group=0) as run:
        once(lambda: cloud.aws.calls("ec2", "StartInstances"), interrupt)(psutil.Process(run.pid))
    assert [json.loads(line)["outcome"] for line in audit.read_text().splitlines()] == ["interrupted"]
    assert lease(cloud)


def interrupt(run: psutil.Process) -> None:
    """Ctrl-C, and once more if it hangs: Ansible may wait for a lock that its ended worker has held."""
    for _ in range(2):
        os.killpg(run.pid, signal.SIGINT)
        with contextlib.suppress(psutil.TimeoutExpired):
            run.wait(10)
            return

"""A fresh local AWS with one stopped t3.small node, and ways to run the module and the runbook against it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import pytest
from ansible.module_utils.testing import patch_module_args

from library import tl_node
from local.aws.seed import seed
from local.aws.server import StrictAws

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_LIMIT_S = 110
Meanwhile = Callable[[psutil.Process], object]
"""What a test does to a run of `ansible-playbook` that has begun."""


@dataclass(frozen=True)
class Cloud:
    """The local AWS, and the node in it."""

    aws: StrictAws
    ec2: Any
    node_id: str

    def node(self) -> tuple[str, str]:
        """Type and state of the node, as EC2 tells them."""
        answer = self.ec2.describe_instances(InstanceIds=[self.node_id])
        instance = answer["Reservations"][0]["Instances"][0]
        return instance["InstanceType"], instance["State"]["Name"]

    def bring_to(self, state: str) -> None:
        """Bring the node to this state, without the delays; `pending` and `stopping` have just begun, and last."""
        before = {"pending": "stopped", "stopping": "running"}.get(state, state)
        self._wait_for("running", "stopped")
        delays = self.aws.settings()
        self.aws.settings(boot_s=0, stop_s=0)
        self._ask_for(before)
        self.aws.settings(boot_s=delays["boot_s"], stop_s=delays["stop_s"])
        self._wait_for(before)
        if before != state:
            self._ask_for({"pending": "running", "stopping": "stopped"}[state])

    def _ask_for(self, state: str) -> None:
        act = self.ec2.start_instances if state == "running" else self.ec2.stop_instances
        act(InstanceIds=[self.node_id])

    def _wait_for(self, *states: str) -> None:
        end = time.monotonic() + 5
        while self.node()[1] not in states:
            assert time.monotonic() < end, f"the node is still {self.node()[1]}, not {states}"
            time.sleep(0.02)

    def writes(self, service: str = "ec2") -> list[str]:
        """The calls since the last `aws.clear()` that were meant to change something, oldest first."""
        return [call["operation"] for call in self.aws.calls(service) if call["write"]]

    def audited(self) -> list[dict[str, Any]]:
        """The audit lines in CloudWatch Logs, oldest first."""
        logs = self.aws.client("logs")
        found = logs.get_log_events(logGroupName="/tinyllama/audit", logStreamName="runbooks", startFromHead=True)
        return [json.loads(event["message"]) for event in found["events"]]

    def no_capacity_for(self, instance_type: str) -> None:
        """Let every start of that type fail."""
        code = "InsufficientInstanceCapacity"
        self.aws.fail("ec2:StartInstances", code, times=None, match={"InstanceType": instance_type})


@dataclass(frozen=True)
class Run:
    """A finished `ansible-playbook`."""

    code: int
    output: str
    audit: list[dict[str, Any]]

    @property
    def diff(self) -> list[str]:
        """The lines that --diff printed."""
        return [line for line in self.output.splitlines() if line.startswith(("---", "+++", "-", "+", "@@"))]

    @property
    def changed(self) -> int:
        """How many tasks changed something, as the recap says."""
        return int(self.output.rpartition("changed=")[2].split()[0])


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cloud]:
    with StrictAws(boot_s=0.3, stop_s=0.2) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("TL_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
        node_id = seed(aws.url).instance_id
        monkeypatch.setenv("LEASE_GROUP", "default")
        aws.clear()
        yield Cloud(aws, aws.client("ec2"), node_id)


class Playbooks:
    """Runs `ansible-playbook` by `playbook_server.py`, which is started when it is first asked."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(self, arguments: list[str], env: dict[str, str], output: Path, meanwhile: Meanwhile | None = None) -> int:
        """The exit code; what it prints is in `output` then."""
        server = self._server = self._server or self._start()
        assert server.stdin
        assert server.stdout
        limit = Timer(_LIMIT_S, killed_with_its_workers, [psutil.Process(server.pid)])
        limit.start()
        print(json.dumps({"arguments": arguments, "env": env, "output": str(output)}), file=server.stdin, flush=True)
        try:
            pid = server.stdout.readline()
            if pid and meanwhile:
                meanwhile(psutil.Process(int(pid)))
            answer = server.stdout.readline()
        except BaseException:  # the next one would read how this run ends
            self.close()
            raise
        finally:
            limit.cancel()
        if not answer:
            self.close()
            raise TimeoutError(f"the server of playbooks died, or a run took more than {_LIMIT_S} s: see {output}")
        return int(answer)

    def close(self) -> None:
        """End it, and what it runs."""
        if self._server:
            with contextlib.suppress(psutil.NoSuchProcess):
                killed_with_its_workers(psutil.Process(self._server.pid))
            self._server.communicate()
        self._server = None

    @staticmethod
    def _start() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.ansible.playbook_server"]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="session")
def playbooks() -> Iterator[Playbooks]:
    started = Playbooks()
    yield started
    started.close()


@pytest.fixture
def runbook(cloud: Cloud, playbooks: Playbooks, tmp_path: Path) -> Callable[..., Run]:
    """`runbook("resize", "--check", target="g4dn.xlarge")` runs `playbooks/resize.yml`; `meanwhile` may end it."""
    audit, output = tmp_path / "deep" / "audit.jsonl", tmp_path / "output.txt"

    def run(name: str, *flags: str, meanwhile: Meanwhile | None = None, **inputs: str) -> Run:
        arguments = [f"playbooks/{name}.yml", *flags, *(f"-e{key}={value}" for key, value in inputs.items())]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TL_AUDIT_FILE": str(audit), "COLUMNS": "500"}
        code = playbooks.run(arguments, env, output, meanwhile)
        lines = audit.read_text().splitlines() if audit.exists() else []
        return Run(code, output.read_text(), [json.loads(line) for line in lines])

    return run


@pytest.fixture
def resize(runbook: Callable[..., Run]) -> Callable[..., Run]:
    """`resize("--check", target="g4dn.xlarge")` runs the runbook."""
    return lambda *flags, **inputs: runbook("resize", *flags, **{"poll_interval": "0.1"} | inputs)


@pytest.fixture
def tl_node_module(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """`tl_node_module(instance_type=..., check=True)` runs the module in this process and returns its answer."""

    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        arguments = {"poll_interval": 0.1, **options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            tl_node.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def killed_with_its_workers(run: psutil.Process) -> None:
    """As when the machine loses power. A worker has a session of its own, so the process group is not enough."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in [run, *run.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def once(seen: Callable[[], object], act: Meanwhile) -> Meanwhile:
    """`runbook(..., meanwhile=once(lambda: aws.calls("ec2", "StopInstances"), psutil.Process.kill))`."""

    def meanwhile(run: psutil.Process) -> None:
        while not seen() and run.is_running():
            time.sleep(0.01)
        act(run)

    return meanwhile

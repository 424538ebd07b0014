"""Runbooks: `resize.yml`, with checks, drain, lease and audit, beside a plain playbook with `amazon.aws.ec2_instance`.

The strict local AWS answers both, and no simulated time passes: what is left is what each of them adds. Seconds are of
the wall clock. The calls to AWS are counted, too.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.aws.seed import seed
from local.aws.server import StrictAws
from local.redis_server import HOST, RedisServer
from tests.bench.rows import Goal, Row, row
from tests.bench.timing import Tell, in_turns
from tests.environments import ROOT, UnavailableError, folder, install

ROUNDS = 5
_PEER = "peer-ansible"
_TYPES = ("g4dn.xlarge", "t3.small")
_SERVICES = ("ec2", "scheduler", "logs", "sts")
_EMPTY = """\
- name: Nothing
  hosts: localhost
  gather_facts: false
  tasks: []
"""
_PLAIN = """\
- name: Resize
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Stop
      amazon.aws.ec2_instance: {instance_ids: ["{{ node }}"], state: stopped, wait: true}
    - name: Change the type
      amazon.aws.ec2_instance: {instance_ids: ["{{ node }}"], instance_type: "{{ target }}", state: present}
    - name: Start
      amazon.aws.ec2_instance: {instance_ids: ["{{ node }}"], state: started, wait: true}
"""


class Bench:
    """One running node, and the two ways to give it another type."""

    def __init__(self, aws: StrictAws, place: Path, environ: Mapping[str, str]) -> None:
        self._aws, self._place, self._environ = aws, place, environ
        self._node = seed(aws.url).instance_id
        aws.client("ec2").start_instances(InstanceIds=[self._node])
        for name, text in {"empty.yml": _EMPTY, "plain.yml": _PLAIN, "plain.cfg": "[defaults]\n"}.items():
            (place / name).write_text(text)
        self._plain = {"ANSIBLE_CONFIG": str(place / "plain.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"}

    def ours(self, target: str) -> float:
        """Seconds of our runbook."""
        inputs = ["-e", f"target={target}", "-e", f"confirm={self._node}"]
        return self._run(Path(sys.executable).parent, ROOT / "playbooks" / "resize.yml", *inputs)

    def theirs(self, target: str) -> float:
        """Seconds of the plain playbook."""
        inputs = ["-e", f"target={target}", "-e", f"node={self._node}"]
        inputs += ["-e", "ansible_python_interpreter={{ ansible_playbook_python }}"]
        return self._run(folder(_PEER) / "bin", self._place / "plain.yml", *inputs, **self._plain)

    def empty(self, _: str) -> float:
        """Seconds of a playbook with nothing in it."""
        return self._run(Path(sys.executable).parent, self._place / "empty.yml", **self._plain)

    def calls(self) -> int:
        """Calls to AWS since the last `clear`."""
        return sum(len(self._aws.calls(service)) for service in _SERVICES)

    def type(self) -> str:
        """What the node is."""
        found = self._aws.client("ec2").describe_instances(InstanceIds=[self._node])
        return str(found["Reservations"][0]["Instances"][0]["InstanceType"])

    def _run(self, programs: Path, playbook: Path, *words: str, **environ: str) -> float:
        self._aws.clear()
        env = {**os.environ, **self._environ, **environ}
        started = time.perf_counter()
        done = subprocess.run(
            [str(programs / "ansible-playbook"), str(playbook), *words],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"{playbook.name} failed:\n{done.stdout}{done.stderr}")
        return took


@contextmanager
def _bench() -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory(prefix="tl-bench-") as place,
        RedisServer() as queue,
        StrictAws(boot_s=0, stop_s=0) as aws,
    ):
        environ = {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "LEASE_GROUP": "default",
            "REDIS_HOST": HOST,
            "REDIS_PORT": str(queue.port),
            "TL_AUDIT_FILE": str(Path(place) / "audit.jsonl"),
            "TL_QUEUE": "redis",
            "PYTHONPATH": str(ROOT),
        }
        yield Bench(aws, Path(place), environ)


def measure(tell: Tell) -> Sequence[Row]:
    """The rows, after a round of warm-up."""
    with _bench() as bench:
        rows = [_noop(bench, tell)]
        try:
            tell("installing ansible and amazon.aws")
            install(_PEER)
        except UnavailableError as error:
            tell(f"runbooks: not beside amazon.aws.ec2_instance: {error}")
            return rows
        return rows + _resize(bench, tell)


def _resize(bench: Bench, tell: Tell) -> list[Row]:
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    calls: dict[str, int] = {}
    for number, name in in_turns(list(taken), ROUNDS + 1):
        target = next(one for one in _TYPES if one != bench.type())
        tell(f"resize, round {number} of {ROUNDS}: {name}")
        taken[name].append(getattr(bench, name)(target))
        calls[name] = bench.calls()
        if bench.type() != target:
            raise RuntimeError(f"{name} ended without an error, but the node is no {target}")
    ours, theirs = (times[1:] for times in taken.values())
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return [
        row(
            "runbooks: resize of a running node",
            statistics.median(ours),
            statistics.median(theirs),
            "s",
            goal=Goal("ratio", "<=", 0.8),
            spread=f"{min(ratios):.2f} to {max(ratios):.2f}",
        ),
        row("runbooks: calls to AWS of a resize", calls["ours"], calls["theirs"], "calls", goal=Goal("ratio", "<=", 1)),
    ]


def _noop(bench: Bench, tell: Tell) -> Row:
    taken: dict[str, list[float]] = {"ours": [], "empty": []}
    for number, name in in_turns(list(taken), ROUNDS + 1):
        tell(f"nothing to do, round {number} of {ROUNDS}: {name}")
        taken[name].append(getattr(bench, name)(bench.type()))
    ours, empty = (times[1:] for times in taken.values())
    ratios = [mine / other for mine, other in zip(ours, empty, strict=True)]
    return row(
        "runbooks: nothing to do, beside an empty play",
        statistics.median(ours),
        statistics.median(empty),
        "s",
        goal=Goal("ratio", "<=", 1.5),
        spread=f"{min(ratios):.2f} to {max(ratios):.2f}",
    )

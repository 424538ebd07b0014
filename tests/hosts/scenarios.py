"""Which scenarios there are, and how one of them is run."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import environments
from tests.environments import ROOT

BUILD = ROOT / "build" / "hosts"
MOLECULE = "hosts"
"""Whose environment it is (`tests.environments`): `make setup` stays small."""
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_PATIENCE_S = 60
_CONVERGE = {"converge.yml", "site.yml"}


@dataclass(frozen=True, order=True)
class Scenario:
    """One molecule scenario of one role."""

    role: str
    name: str

    @property
    def folder(self) -> Path:
        """Where its `molecule.yml` is."""
        return ROOT / "roles" / self.role / "molecule" / self.name

    @property
    def label(self) -> str:
        """How it is called in the output, and its container."""
        return f"{self.role}-{self.name}".replace("_", "-")

    @property
    def needs_world(self) -> bool:
        """Whether it talks to the local AWS or to Redis."""
        return any("TL_WORLD" in path.read_text() for path in self.folder.glob("*.yml"))


def scenarios(role: str = "") -> list[Scenario]:
    """Every scenario, or those of one role; `default` first."""
    found = (ROOT / "roles").glob(f"{role or '*'}/molecule/*/molecule.yml")
    all_of_them = [Scenario(path.parents[2].name, path.parent.name) for path in found]
    return sorted(all_of_them, key=lambda one: (one.role, one.name != "default", one.name))


@dataclass(frozen=True)
class Task:
    """A task that ran, as `callbacks/recorded.py` writes it. `seconds` of wall-clock time."""

    run: float
    check: bool
    playbook: str
    role: str
    task: str
    seconds: float
    changed: bool


@dataclass(frozen=True)
class Result:
    """How a scenario went: molecule's exit code, seconds, and what each task did."""

    scenario: Scenario
    code: int
    seconds: float
    tasks: Sequence[Task]
    log: Path

    def runs(self) -> list[list[Task]]:
        """The tasks of each run of the converge playbook, in order: --check, the first, the second."""
        by_run: dict[float, list[Task]] = {}
        for task in self.tasks:
            if task.playbook in _CONVERGE:
                by_run.setdefault(task.run, []).append(task)
        return [by_run[key] for key in sorted(by_run)]

    def roles(self) -> list[str]:
        """The roles that were applied, where there were several; every role looks at its distribution with `base`."""
        found = list(dict.fromkeys(task.role for one in self.runs() for task in one if task.role))
        return found if len(set(found) - {"base"}) > 1 else []

    def faults(self) -> list[str]:
        """What is wrong, in words; nothing when all went well."""
        if self.code:
            return [f"molecule failed with exit code {self.code}, see {self.log.relative_to(ROOT)}"]
        if len(runs := self.runs()) != 3:
            return [f"{len(runs)} runs were recorded, not 3"]
        foretold, done, again = ([task.task for task in run if task.changed] for run in runs)
        faults = [f"--check did not foretell: {task}" for task in done if task not in foretold]
        # Of several roles, each foretells the package or user that it shares with another, and only one makes it.
        if not self.roles():
            faults += [f"--check foretold what did not happen: {task}" for task in foretold if task not in done]
        return faults + [f"the second run changed: {task}" for task in again]


@contextmanager
def _world(scenario: Scenario, folder: Path) -> Iterator[dict[str, str]]:
    if not scenario.needs_world:
        yield {}
        return
    file = folder / "world.json"
    with (folder / "world.log").open("wb") as log:
        command = [sys.executable, "-m", "tests.hosts.world", "--file", str(file)]
        world = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        end = time.monotonic() + _PATIENCE_S
        while not file.exists():
            if world.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the local AWS did not start: see {folder / 'world.log'}")
            time.sleep(0.05)
        yield {"TL_WORLD": str(file)}
    finally:
        world.terminate()
        world.wait()


def _environment(scenario: Scenario, image: str, record: Path) -> dict[str, str]:
    cache = BUILD / "cache"
    for part in ("apt/partial", "pip"):
        (cache / part).mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(environments.folder(MOLECULE) / "bin"), os.environ["PATH"], "/usr/sbin"]),
        "TL_ROOT": str(ROOT),
        "TL_PYTHON": sys.executable,
        "TL_ROLE": scenario.role,
        "TL_HOST_NAME": f"tl-{scenario.label}",
        "TL_HOST_IMAGE": image,
        "TL_HOSTS_CACHE": str(cache),
        "TL_CA_BUNDLE": str(CA_BUNDLE),
        "TL_RECORD": str(record),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(record.parent / "molecule"),
        "TL_WORLD": "",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }


def run(scenario: Scenario, image: str, *, keep: bool = False) -> Result:
    """Run molecule's whole sequence; with `keep`, the host stays (`podman exec -it tl-ROLE-SCENARIO bash`)."""
    folder = BUILD / scenario.label
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record, log = folder / "tasks.jsonl", folder / "log"
    base = ROOT / "tests" / "hosts" / "molecule.yml"
    command = ["molecule", "-c", str(base), "test", "-s", scenario.name, f"--destroy={'never' if keep else 'always'}"]
    began = time.monotonic()
    with _world(scenario, folder) as world, log.open("wb") as output:
        env = {**_environment(scenario, image, record), **world}
        cwd = ROOT / "roles" / scenario.role
        done = subprocess.run(command, cwd=cwd, env=env, stdout=output, stderr=output, check=False)
    lines = record.read_text().splitlines() if record.exists() else []
    tasks = [Task(**json.loads(line)) for line in lines]
    return Result(scenario, done.returncode, time.monotonic() - began, tasks, log)

"""Starts the platform, the worker and locust, and reads what locust found."""

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.processes import ROOT
from local.state import State
from tests.bench.running import platform
from tests.load.tokens import id_tokens

CORES = 2
PACE_S = 3.0
"""A user's time from one prompt to the next: as often as the throttle allows in the long run."""
GRACE_S = 60.0
"""What locust may take besides the load itself before it is ended."""


class LoadError(Exception):
    """The load could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """So many requests a second, for so long once all users are there."""

    rate: int
    seconds: int

    @property
    def users(self) -> int:
        """How many it takes when each asks once in `PACE_S`."""
        return math.ceil(self.rate * PACE_S)


@dataclass(frozen=True, slots=True)
class Result:
    """What was seen once all users were there; milliseconds."""

    requests: int
    failures: int
    per_second: float
    p50: float
    p95: float
    p99: float
    max: float
    errors: Mapping[str, int]


def run(plan: Plan) -> Result:
    """Put the load on a platform of its own. Raises `LoadError`."""
    with _two_cores(), platform() as state, _worker(state), tempfile.TemporaryDirectory(prefix="tl-load-") as folder:
        _locust(plan, state, Path(folder))
        return Result(**json.loads((Path(folder) / "report.json").read_text()))


@contextlib.contextmanager
def _two_cores() -> Iterator[None]:
    """Everything here shares two processors, however many there are: children inherit the restriction."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def _worker(state: State) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.load.drain", str(state.redis_port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        try:
            assert worker.stdout
            if worker.stdout.readline() != "ready\n":
                raise LoadError("the worker did not start")
            yield
            if worker.poll() is not None:
                raise LoadError(f"the worker ended with code {worker.returncode}")
        finally:
            worker.terminate()


def _locust(plan: Plan, state: State, folder: Path) -> None:
    """Run it to its end. Everybody has asked once after `PACE_S`, and only then it begins to count."""
    (folder / "tokens.json").write_text(json.dumps(list(id_tokens(state, plan.users))))
    seconds = math.ceil(PACE_S) + plan.seconds
    shape = ["--users", str(plan.users), "--spawn-rate", str(plan.users), "--run-time", f"{seconds}s"]
    quiet = ["--headless", "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0"]
    command = [sys.executable, "-m", "locust", "--locustfile", str(Path(__file__).with_name("users.py"))]
    done = subprocess.run(
        [*command, *shape, *quiet, "--host", state.api_url],
        env={**os.environ, "TL_LOAD_FOLDER": str(folder), "TL_LOAD_PACE_S": str(PACE_S)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + GRACE_S,
    )
    if done.returncode:
        raise LoadError(f"locust ended with code {done.returncode}:\n{done.stdout}{done.stderr}")

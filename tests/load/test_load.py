"""A few seconds of the load: it is made, counted, judged and written down. `make load` says how fast the API is."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.processes import ROOT
from tests.load.__main__ import judged
from tests.load.running import Plan, Result

GOOD = Result(requests=600, failures=0, per_second=200.0, p50=2, p95=60, p99=80, max=90, errors={})


def test_a_run_is_judged_by_errors_by_p95_and_by_whether_the_load_was_there() -> None:
    plan = Plan(200, 3)
    assert plan.users == 600, "so that nobody asks more often than the throttle allows"
    assert list(judged(plan, GOOD).values()) == [True, True, True]
    for bad, verdict in (
        ({"failures": 1}, [False, True, True]),
        ({"p95": 61}, [True, False, True]),
        ({"per_second": 190.0}, [True, True, False]),
        ({"requests": 0}, [True, False, True]),
    ):
        assert list(judged(plan, replace(GOOD, **bad)).values()) == verdict


@pytest.mark.e2e
def test_every_prompt_of_a_light_load_is_queued(tmp_path: Path) -> None:
    output = tmp_path / "load.json"
    command = [sys.executable, "-m", "tests.load", "--rate", "20", "--seconds", "3", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert output.exists(), done.stderr
    found = json.loads(output.read_text())
    assert (found["failures"], found["errors"]) == (0, {})
    assert 40 <= found["requests"] <= 80
    assert done.returncode == (0 if found["met"] else 1)

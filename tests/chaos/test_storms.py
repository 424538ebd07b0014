"""Small storms on real processes. `make chaos` raises big ones."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.chaos.network import way_in
from tests.chaos.plan import Size, draw
from tests.chaos.report import show, summary
from tests.chaos.storm import Outcome, run
from tests.chaos.world import SqsQueue

CONSOLE = Console(width=160)


def told(outcome: Outcome) -> list[str]:
    """The broken promises; what happened is printed, for a test that fails."""
    show(outcome, CONSOLE)
    return [violation.promise for violation in outcome.violations]


def shared(outcome: Mapping[str, Any]) -> bool:
    """Whether most workers had a share; one that is hurt all the time may have none."""
    return sum(map(bool, outcome["done_by"])) >= 6


def test_eight_workers_share_one_queue_and_nothing_is_lost_when_they_and_redis_are_hurt() -> None:
    outcome = run(draw(1, Size(workers=8, jobs=200, seconds=4, blows=8)))
    assert told(outcome) == []
    assert len(outcome.blows) >= 4
    assert shared(summary(outcome))


def test_workers_on_sqs_lose_nothing_either_when_they_are_hurt_and_it_is_silent() -> None:
    size = Size(workers=3, jobs=60, seconds=4, blows=6, restarts=False, skew_max_s=SqsQueue.skew_max_s)
    outcome = run(draw(4, size), queue="sqs")
    assert told(outcome) == []
    assert len(outcome.blows) >= 4
    assert summary(outcome)["ends"]["done"]


def test_a_queue_that_comes_back_empty_forgets_old_jobs_and_keeps_its_promises_to_new_ones() -> None:
    outcome = run(draw(2, Size(workers=2, jobs=80, seconds=3, blows=2, loss=True)))
    assert told(outcome) == []
    ends = summary(outcome)["ends"]
    assert ends["forgotten with the queue"]
    assert ends["done"]


def test_workers_in_network_namespaces_of_their_own_share_one_queue_and_survive_cuts(tmp_path: Path) -> None:
    if not way_in():
        pytest.skip("the kernel lets this user make no network namespaces, bridges or veth pairs")
    size = ["--workers", "8", "--jobs", "120", "--minutes", "0.05", "--blows", "4", "--no-loss", "--seed", "3"]
    command = [sys.executable, "-m", "tests.chaos", *size, "--output", str(tmp_path / "told.json")]
    done = subprocess.run(
        [*command, "--network", "namespaces"], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [outcome] = json.loads((tmp_path / "told.json").read_text())
    assert outcome["namespaces"]
    assert outcome["blows"]["worker cut off"]
    assert shared(outcome)


@pytest.mark.parametrize(
    ("promise", "cancels", "says"), [("fence", 0.5, "told that it is cancelled"), ("reclaim", 0.0, "never ended")]
)
def test_workers_that_break_a_promise_on_purpose_are_found_out(promise: str, cancels: float, says: str) -> None:
    size = Size(workers=2, jobs=40, seconds=2, blows=0, cancels=cancels, slow=0.4)
    outcome = run(draw(3, size), sabotage=promise, settle_s=4)
    assert any(says in violation.promise for violation in outcome.violations)

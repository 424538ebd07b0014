"""Ends of life: one table, and what is said of a version on a day."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tinyllama.domain.end_of_life import LIVES, LOOKED, SOON_DAYS, judge
from tinyllama.domain.findings import Severity

ROOT = Path(__file__).parents[2]
END = LIVES["Ubuntu"]["22.04"].ends


@pytest.mark.parametrize(
    ("days_left", "severity"),
    [
        (SOON_DAYS + 1, Severity.FINE),
        (SOON_DAYS, Severity.WARNING),
        (0, Severity.WARNING),
        (-1, Severity.PROBLEM),
    ],
)
def test_half_a_year_before_its_end_a_version_becomes_a_warning(days_left: int, severity: Severity) -> None:
    found = judge("Ubuntu", "22.04", used_by="i-1", today=END - timedelta(days=days_left))
    assert (found.severity, str(END) in found.text) == (severity, True)


def test_a_version_that_is_not_in_the_table_is_a_note_and_not_fine() -> None:
    found = judge("Python", "4.0", used_by="this machine", today=LOOKED)
    assert found.severity is Severity.NOTE
    assert "look it up" in found.text


@pytest.mark.parametrize("version", ["6.2", "6.2.6", "6.x"])
def test_redis_counts_by_its_first_number(version: str) -> None:
    assert judge("Redis", version, used_by="q", today=date(2027, 2, 1)).severity is Severity.PROBLEM


def test_what_we_deploy_is_in_the_table() -> None:
    variables = (ROOT / "terraform" / "variables.tf").read_text()
    assert 'default     = "python3.12"' in variables
    assert "python3.12" in LIVES["Lambda runtime"]
    assert {"22.04", "24.04"} <= set(LIVES["Ubuntu"])
    assert all(life.source and life.then for lives in LIVES.values() for life in lives.values())

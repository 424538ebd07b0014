"""The file between the worker and the watchdog."""

from pathlib import Path

import pytest

from tinyllama.domain.node import Activity
from worker import activity


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "last_infer_ts"
    assert activity.read(path, default_idle_s=300) is None
    activity.record(path, Activity(1_700_000_000.25, 60.0))
    assert activity.read(path, default_idle_s=300) == Activity(1_700_000_000.25, 60.0)
    assert [file.name for file in tmp_path.iterdir()] == ["last_infer_ts"], "no scratch file is left behind"


def test_a_bare_time_as_date_writes_it_takes_the_default_window(tmp_path: Path) -> None:
    path = tmp_path / "last_infer_ts"
    path.write_text("1700000000\n")
    assert activity.read(path, default_idle_s=300) == Activity(1_700_000_000.0, 300)


@pytest.mark.parametrize("damaged", ["", "yesterday", "1 2 3", "nan", "1 inf", "1 x"])
def test_anything_else_is_an_error_that_names_the_file(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "last_infer_ts"
    path.write_text(damaged)
    with pytest.raises(ValueError, match="last_infer_ts should hold"):
        activity.read(path, default_idle_s=300)

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


def test_a_sign_is_left_out_when_one_like_it_was_recorded_a_moment_ago(tmp_path: Path) -> None:
    path, now = tmp_path / "last_infer_ts", 100.0
    recorder = activity.Recorder(path, every_s=0.25, clock=lambda: now)
    recorder(Activity(1.0, 60.0))
    now += 0.2
    recorder(Activity(2.0, 60.0))
    assert activity.read(path, default_idle_s=300) == Activity(1.0, 60.0)
    now += 0.1
    recorder(Activity(3.0, 60.0))
    assert activity.read(path, default_idle_s=300) == Activity(3.0, 60.0)


def test_a_sign_that_asks_for_another_idle_time_is_never_left_out(tmp_path: Path) -> None:
    path = tmp_path / "last_infer_ts"
    recorder = activity.Recorder(path, clock=lambda: 100.0)
    for idle_s in (60.0, 1_800.0, 300.0):
        recorder(Activity(1.0, idle_s))
        assert activity.read(path, default_idle_s=5) == Activity(1.0, idle_s)

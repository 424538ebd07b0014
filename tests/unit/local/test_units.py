"""Units and timers: what systemd and cron do, with a clock that the test moves."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.units import RESTART_DELAY_S, Timer, Unit

FOREVER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def said() -> list[str]:
    return []


def unit(tmp_path: Path, said: list[str], command: list[str]) -> Unit:
    return Unit("engine", command, {}, tmp_path / "engine.log", said.append)


def ended(process: subprocess.Popen[bytes] | None) -> int:
    assert process is not None
    return process.wait(10)


def test_a_unit_that_dies_is_restarted_a_little_later(tmp_path: Path, said: list[str]) -> None:
    one = unit(tmp_path, said, [sys.executable, "-c", "raise SystemExit(7)"])
    one.start()
    first = one.process
    assert ended(first) == 7

    one.tend(100.0)
    one.tend(100.0 + RESTART_DELAY_S / 2)
    assert one.process is first
    one.tend(100.0 + RESTART_DELAY_S)
    assert one.process is not first
    assert said[1] == "engine died with code 7, see engine.log; restarting"
    one.kill()


def test_a_unit_that_was_told_to_end_stays_ended(tmp_path: Path, said: list[str]) -> None:
    one = unit(tmp_path, said, FOREVER)
    one.start()
    process = one.process
    one.end()
    ended(process)

    one.tend(1e9)

    assert one.gone
    assert one.process is process


def test_a_unit_is_killed_when_the_power_goes(tmp_path: Path, said: list[str]) -> None:
    one = unit(tmp_path, said, FOREVER)
    one.start()
    one.kill()
    assert one.gone


def test_a_timer_fires_when_it_is_due_and_reports_failures(tmp_path: Path, said: list[str]) -> None:
    log = tmp_path / "watchdog.log"
    timer = Timer("watchdog", [sys.executable, "-c", "print('tick'); raise SystemExit(2)"], {}, log, 60.0, said.append)
    now = time.monotonic()

    timer.tend(now)
    assert not log.exists()
    timer.tend(now + 60)
    ended(timer._process)
    timer.tend(now + 61)

    assert log.read_text() == "tick\n"
    assert said == ["watchdog failed with code 2, see watchdog.log"]


def test_a_timer_never_runs_twice_at_once(tmp_path: Path, said: list[str]) -> None:
    timer = Timer("watchdog", FOREVER, {}, tmp_path / "watchdog.log", 1.0, said.append)
    timer.tend(time.monotonic() + 1)
    first = timer._process

    timer.tend(time.monotonic() + 10)

    assert timer._process is first
    timer.kill()

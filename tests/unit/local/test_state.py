"""The state file, and who may be ended because of it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local.processes import ProcessId, end, environment
from local.state import Home, Options, Part, Phase, State

DEAD = ProcessId(pid=2**22 - 1, create_time=1.0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def state_with(*parts: ProcessId, supervisor: ProcessId = DEAD) -> State:
    listed = tuple(Part(name=f"part{n}", process=one, since=0) for n, one in enumerate(parts))
    return State(phase=Phase.READY, supervisor=supervisor, options=Options(), parts=listed)


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_what_was_written_is_read_and_only_the_owner_may(home: Home) -> None:
    state = state_with(ProcessId.of(os.getpid()))
    home.write(state)

    assert home.read() == state
    assert stat.S_IMODE((home.path / "state.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", '{"phase": "ready"}', '{"of": "another version"}'])
def test_a_file_that_cannot_be_understood_is_no_state(home: Home, text: str) -> None:
    (home.path / "state.json").write_text(text)

    assert home.read() is None


def test_leftovers_of_a_dead_platform_are_ended(home: Home) -> None:
    child = sleeper()
    home.write(state_with(ProcessId.of(child.pid), DEAD))

    assert home.clear()
    child.wait(5)
    assert home.read() is None


def test_a_stranger_who_got_the_same_pid_is_left_alone(home: Home) -> None:
    stranger = sleeper()
    old = ProcessId(pid=stranger.pid, create_time=ProcessId.of(stranger.pid).create_time - 60)
    home.write(state_with(old, supervisor=old))
    try:
        assert not home.clear()
        assert stranger.poll() is None
        assert home.read() is None
    finally:
        end(stranger, grace_s=1)


def test_only_one_supervisor_holds_the_lock(home: Home) -> None:
    with home.lock() as first, Home(home.path).lock() as second:
        assert (first, second) == (True, False)
    with home.lock() as again:
        assert again


def test_a_platform_serves_only_while_its_supervisor_lives() -> None:
    assert state_with(supervisor=ProcessId.of(os.getpid())).serving
    assert not state_with().serving


def test_parts_never_see_the_users_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.test")

    found = environment({"AWS_REGION": "eu-central-1"})

    names = {name for name in found if name.startswith("AWS_")}
    assert names == {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_REGION"}

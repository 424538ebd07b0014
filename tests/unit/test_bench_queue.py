"""The queue's bench: who takes part, and how a handler says that it has started."""

from pathlib import Path

import pytest

from tests.bench import queue
from tests.bench.peers.queue import bell
from tests.bench.queue_contestants import CONTESTANTS, FLOOR, OURS
from tests.environments import ROOT, UnavailableError


def test_a_peer_that_cannot_be_installed_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_name: str) -> None:
        raise UnavailableError("no index")

    monkeypatch.setattr(queue, "install", refused)
    assert queue._present() == [OURS]
    assert "arq is SKIPPED: no index" in capsys.readouterr().err


def test_every_contestant_has_a_module_and_a_lock_file() -> None:
    for contestant in CONTESTANTS.values():
        assert (ROOT / f"{contestant.module.replace('.', '/')}.py").exists()
        assert not contestant.environment or (ROOT / "requirements" / f"{contestant.environment}.lock").exists()


def test_the_goals_hold_against_every_peer_and_the_floor_has_its_own() -> None:
    rates = {name: {1: [9.0], 10: [27.0 if name == OURS else 9.0], 50: [9.0]} for name in SEEN}
    pinned = {10: [9.0], 50: [9.0]}
    seen = {name: queue.Seen([[us] * 5], rates[name], pinned, [2.0], [[us] * 5]) for name, us in SEEN.items()}
    rows = {row.name: row for row in queue._rows(seen)}
    start = "queue: enqueue to handler start p50"
    assert [rows[f"{start}, {name}"].met for name in (FLOOR, "RQ", "Huey")] == [True, True, False]
    assert [rows[f"queue: jobs/s with {count} in flight, Huey"].met for count in (1, 10, 50)] == [True, True, False]
    for row in (f"10 in flight, {FLOOR}", f"50 in flight, pinned, {FLOOR}", "10 in flight, pinned, Huey"):
        assert rows[f"queue: jobs/s with {row}"].goal is None


SEEN = {OURS: 150.0, FLOOR: 100.0, "RQ": 1_000.0, "Huey": 160.0}


def test_every_ring_is_heard_with_its_number_and_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(bell.PATH, str(tmp_path / "bell"))
    bell._pipe.cache_clear()
    pipe = bell.open_bell()
    for number in (3, 1, 2):
        bell.ring(number)
    heard = list(bell.hear(pipe))
    assert [number for number, _ in heard] == [3, 1, 2]
    assert [at for _, at in heard] == sorted(at for _, at in heard)
    bell._pipe.cache_clear()

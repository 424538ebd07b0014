"""The operator's machine lets one run at a time change a node."""

import os
from pathlib import Path

import pytest

from tinyllama.adapters.file_journal import FileJournal
from tinyllama.domain.resize import ResizeError


def test_a_second_run_waits_says_so_and_gives_up_with_what_to_do(tmp_path: Path) -> None:
    told: list[str] = []
    journal = FileJournal(tmp_path / "new")
    with (
        journal.held(0, told.append),
        pytest.raises(ResizeError, match=rf"process {os.getpid()}\); nothing was touched. Let it finish, or end"),
        FileJournal(tmp_path / "new").held(0.2, told.append),
    ):
        pytest.fail("two runs at the same time")
    assert told == ["another run is changing the node; waiting until it is done"]
    with journal.held(0, told.append):
        pass
    assert len(told) == 1


def test_a_folder_that_cannot_be_made_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ResizeError, match=r"cannot be written.*nothing was touched"),
        FileJournal(tmp_path / "file" / "deep").held(0, print),
    ):
        pytest.fail("a lock without a folder")

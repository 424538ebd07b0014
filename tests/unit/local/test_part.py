"""A part of the platform as a process, and what it imports without the garbage collector."""

import gc
import subprocess
import sys
from importlib import import_module

import pytest

from local.part import importing
from local.processes import ROOT


def test_it_runs_the_part_s_own_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.part", "aws", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--boot-s" in done.stdout


def test_the_collector_is_back_when_all_is_imported_or_the_import_failed() -> None:
    frozen = gc.get_freeze_count()
    try:
        with importing():
            assert not gc.isenabled()
        assert gc.isenabled()
        with pytest.raises(ModuleNotFoundError), importing():
            import_module("no_such_module")
        assert gc.isenabled()
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()

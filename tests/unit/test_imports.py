"""Importing without the garbage collector."""

import gc
import subprocess
import sys
from importlib import import_module

import pytest

from tinyllama.imports import importing


def test_the_collector_is_back_when_all_is_imported_or_the_import_failed() -> None:
    frozen = gc.get_freeze_count()
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ModuleNotFoundError), importing():
        import_module("no_such_module")
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_a_block_within_another_leaves_the_collector_to_it() -> None:
    with importing():
        with importing():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_router_s_function_keeps_what_it_imports_and_collects_from_then_on() -> None:
    told = "import gc, lambdas.router.handler; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]

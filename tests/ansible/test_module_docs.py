"""What `ansible-doc` shows of our modules is what they take, fragments included."""

import importlib
import json
import os
import subprocess
from typing import Any

import pytest

from tests.ansible.conftest import BIN, ROOT

MODULES = sorted(path.stem for path in (ROOT / "library").glob("tl_*.py"))


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """All that `ansible-doc` says, as it finds it by `ansible.cfg`."""
    command = [str(BIN / "ansible-doc"), "--json", "--type", "module", *MODULES]
    env = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=True)
    assert not done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_every_argument_is_documented_as_it_is(shown: dict[str, Any], name: str) -> None:
    documented = shown[name]["doc"]["options"]
    taken = importlib.import_module(f"library.{name}").ARGUMENTS
    assert set(documented) == set(taken)
    for option, rule in taken.items():
        told = documented[option]
        for fact, default in (("type", "str"), ("choices", None), ("default", None), ("elements", None)):
            assert told.get(fact, default) == rule.get(fact, default), f"{option}: {fact}"
        assert told.get("required", False) == rule.get("required", False), option
        assert told["description"], option


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_examples_results_and_says_what_check_mode_does(shown: dict[str, Any], name: str) -> None:
    assert shown[name]["examples"]
    assert shown[name]["return"]
    assert shown[name]["doc"]["attributes"]["check_mode"]["description"]
    assert shown[name]["doc"]["requirements"] == ["tinyllama for the Python that runs the module"]

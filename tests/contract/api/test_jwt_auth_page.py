"""Every command on `docs/api/jwt_auth.md` does what the page says, on a platform that `tl up` started."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local.processes import ROOT, environment
from tests.contract.api.collection import platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PAGE = (ROOT / "docs" / "api" / "jwt_auth.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```\n(?:\n```text\n(.*?)```)?", PAGE, re.DOTALL)
SET_UP = [command for command, output in BLOCKS if not output]
EXAMPLES = [(command, output) for command, output in BLOCKS if output]
_PRINT = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"


def bash(script: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shell() -> Iterator[Mapping[str, str]]:
    """The environment of a reader who did what the page says first."""
    with platform() as home:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = environment({"TL_HOME": str(home.path), "PATH": path})
        yield json.loads(bash("\n".join([*SET_UP, _PRINT]), env))


def as_pattern(output: str) -> str:
    return re.escape(output).replace("…", ".+")


def test_every_example_is_found() -> None:
    assert len(SET_UP) == 2
    assert PAGE.count("```bash") == len(BLOCKS)
    assert PAGE.count("```text") == len(EXAMPLES) >= 15


# In the order of the page: a reader tries them so, and some depend on what went before.
@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=[f"{n:02}" for n in range(1, len(EXAMPLES) + 1)])
def test_a_command_prints_what_the_page_says(shell: Mapping[str, str], command: str, output: str) -> None:
    printed = bash(command, shell)
    assert re.fullmatch(as_pattern(output), printed), f"{command}\nprinted\n{printed}"

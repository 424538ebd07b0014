"""The pages of `docs/ops` for runbooks: every command runs on the strict local AWS, and prints what stands below it."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ansible.budgets import Money, money
from tests.ansible.conftest import BIN, ROOT, Cloud, Playbooks
from tests.ansible.test_lambda_alias import router
from tests.ansible.test_queue_cluster import redis
from tests.ansible.test_smoke import api
from tests.ansible.test_smoke_user import pool

__all__ = ["api", "money", "pool", "redis", "router"]  # the fixtures
PAGES = (
    "audit",
    "budget_recovery",
    "doctor",
    "lambda_router",
    "redis_queue",
    "resize",
    "resize_rollback",
    "rotate_smoke_user",
    "smoke",
    "start_stop",
)
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> Iterator[tuple[str, list[str]]]:
    """Each command, and the lines that are promised below it."""
    for block in _BLOCK.findall((ROOT / "docs" / "ops" / f"{page}.md").read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *promised = part.strip().splitlines()
            yield command, promised


def kept(promise: str, output: str) -> bool:
    """Whether some line is like that; `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in promise.split("…"))
    return any(re.fullmatch(pattern, line.strip()) for line in output.splitlines())


@pytest.fixture
def run(playbooks: Playbooks, tmp_path: Path) -> Callable[[str], str]:
    """Runs a command of a page, of which nothing may fail; what it printed."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    audit = tmp_path / "audit.jsonl"
    env = {"PATH": path, "PYTHONPATH": str(ROOT), "TL_AUDIT_FILE": str(audit), "COLUMNS": "500"}
    env["TL_DEPLOYMENT"] = str(tmp_path / "none.json")  # not what somebody has really deployed
    printed = tmp_path / "printed.txt"

    def run(command: str) -> str:
        words, everything = shlex.split(command, comments=True), {**os.environ, **env}
        if words[0] == "ansible-playbook" and ";" not in command:
            code = playbooks.run(words[1:], everything, printed)
        else:
            # `make setup` would install: what is tested here is installed.
            command = re.sub(r"^make ", "make -o setup ", command)
            with printed.open("w") as file:
                code = subprocess.run(
                    ["bash", "-c", command], cwd=ROOT, env=everything, stdout=file, stderr=file, timeout=50, check=False
                ).returncode
        assert code == 0, f"{command}\n{printed.read_text()}"
        return printed.read_text()

    return run


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_prints_what_stands_below_it(
    cloud: Cloud, router: Any, redis: Any, api: Any, pool: Any, money: Money, page: str, run: Callable[[str], str]
) -> None:
    found = list(commands(page))
    assert found
    if page == "resize_rollback":  # there has to be a resize
        run("ansible-playbook playbooks/resize.yml -e target=g4dn.xlarge -e confirm=tinyllama-gpu")
    if page == "budget_recovery":
        money.kill()
    for command, promised in found:
        output = run(command)
        broken = [promise for promise in promised if not kept(promise, output)]
        assert not broken, f"{command}\nshould print {broken}, but printed\n{output}"


def test_a_promise_that_is_not_kept_is_found() -> None:
    assert kept("…changed=1…", "localhost : ok=3 changed=1 failed=0")
    assert not kept("…changed=2…", "localhost : ok=3 changed=1 failed=0")


def test_every_playbook_of_the_operators_has_a_page_that_runs_it() -> None:
    text = "".join((ROOT / "docs" / "ops" / f"{page}.md").read_text() for page in PAGES)
    for name in (
        "resize",
        "start",
        "stop",
        "rollback",
        "resize_rollback",
        "queue",
        "smoke",
        "budget_recovery",
        "doctor",
        "rotate_smoke_user",
    ):
        assert f"playbooks/{name}.yml" in text or name == "rollback", name
        header = (ROOT / "playbooks" / f"{name}.yml").read_text()
        assert all(f"# {word}" in header for word in ("When:", "Command:", "Options:", "Touches:", "Undo:")), name

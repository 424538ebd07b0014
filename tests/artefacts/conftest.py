"""The artefacts, built once for the run, and what Lambda makes of them."""

import importlib.util
import json
import os
import platform
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.artefacts.making import ROOT, Artefacts, build, lambdas_python

Run = Callable[..., dict[str, Any]]
# What Lambda's runtime has besides the standard library: boto3 and what it needs.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    """Built from this tree."""
    folder = tmp_path_factory.mktemp("lambda")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return Artefacts.of(folder)


@pytest.fixture(scope="session")
def places(artefacts: Artefacts, tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """Function, layer and runtime unpacked as Lambda does it, in the order of Lambda's `sys.path`."""
    task, opt, runtime = (tmp_path_factory.mktemp(name) for name in ("task", "opt", "runtime"))
    for archive, folder in ((artefacts.function, task), (artefacts.layer(ARCHITECTURE), opt)):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.origin
        origin = Path(spec.origin)
        found = origin.parent if origin.name == "__init__.py" else origin
        (runtime / found.name).symlink_to(found)
    return str(task), str(opt / "python"), str(runtime)


@pytest.fixture(scope="session")
def run(places: Sequence[str]) -> Run:
    """Runs a handler in a fresh process of Lambda's Python: `run(handler, *events, **environment)`."""
    python = lambdas_python()
    if python is None:
        pytest.skip("needs a Python 3.12, which is Lambda's: `uv python install 3.12` installs one")

    def fresh(handler: str, *events: Mapping[str, Any], **environment: str) -> dict[str, Any]:
        order = json.dumps({"path": places, "handler": handler, "events": events})
        command = [python, "-I", "-S", "-B", str(Path(__file__).with_name("container.py"))]
        kept = {"PATH": os.environ["PATH"], **environment}
        done = subprocess.run(command, input=order, capture_output=True, text=True, check=False, env=kept)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return fresh

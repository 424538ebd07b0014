"""One applied stack for the whole run. Files run in the order of their names; `test_zz_destroy.py` ends it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import ROOT
from tests.terraform.serving import Served, serve
from tests.terraform.stack import Stack, local_aws
from tinyllama.adapters.audit_log import GROUP as AUDIT_GROUP


@pytest.fixture(scope="session")
def empty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The root, initialised against an empty account."""
    if shutil.which("terraform") is None:
        pytest.skip("there is no terraform on this machine: install 1.11 or newer")
    build = [sys.executable, str(ROOT / "ci" / "build_lambda.py")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    folder: Path = tmp_path_factory.mktemp("stack")
    with local_aws(folder) as url:
        stack = Stack(folder, url)
        stack.init()
        yield stack


@pytest.fixture(scope="session")
def stack(empty_stack: Stack) -> Stack:
    """The stack as it is applied by default: the queue on SQS, Redis off. A runbook was run before."""
    empty_stack.client("logs").create_log_group(logGroupName=AUDIT_GROUP)
    empty_stack.validate()
    empty_stack.plan()
    empty_stack.apply_plan()
    return empty_stack


@pytest.fixture(scope="session")
def served(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Gateway and node of the applied stack, and a user who is signed in."""
    with serve(stack, tmp_path_factory.mktemp("served")) as running:
        yield running

"""Every command on `docs/ops/resize_api.md` does what the page says, on a platform that `tl up` started."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local.processes import ROOT, environment
from tests.contract.api.collection import platform
from tests.contract.api.page import Page, check

pytestmark = pytest.mark.e2e

PAGE = Page.read(ROOT / "docs" / "ops" / "resize_api.md")


@pytest.fixture(scope="module")
def shell() -> Iterator[Mapping[str, str]]:
    """The environment of a reader who did what the page says first."""
    with platform() as home:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        yield PAGE.shell(environment({"TL_HOME": str(home.path), "PATH": path}))


def test_every_example_is_found() -> None:
    assert len(PAGE.set_up) == 1
    assert len(PAGE.examples) == 7


# In the order of the page: a reader tries them so, and some depend on what went before.
@pytest.mark.parametrize(("command", "said"), PAGE.examples, ids=[f"{n + 1:02}" for n in range(len(PAGE.examples))])
def test_a_command_prints_what_the_page_says(shell: Mapping[str, str], command: str, said: str) -> None:
    check(command, said, shell)

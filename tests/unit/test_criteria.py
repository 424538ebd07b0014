"""`docs/api/criteria.md` leads from every criterion to tests that exist."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.processes import ROOT

PAGE = (ROOT / "docs" / "api" / "criteria.md").read_text()
LINES = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d", line)]
NAMES = sorted({name for line in LINES for name in re.findall(r"`([^`]+)`", line[2])})
TICKETS = ("API-003", "API-004", "LAM-001", "LAM-002", "LAM-003", "RED-002")


def defined() -> Iterator[str]:
    """Python tests, Terraform's runs, and Make's targets."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        yield from re.findall(r"def (test_\w+)\(", path.read_text())
    for path in (ROOT / "terraform").rglob("*.tftest.hcl"):
        yield from re.findall(r'^run "(\w+)"', path.read_text(), re.MULTILINE)
    for target in re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE):
        yield f"make {target}"


def requests(folder: Any) -> Iterator[str]:
    """The names of the collection's requests."""
    for item in folder["item"]:
        yield from requests(item) if "item" in item else [item["name"]]


@pytest.fixture(scope="module")
def known() -> frozenset[str]:
    collection = json.loads((ROOT / "tests" / "postman" / "api_hardening.postman_collection.json").read_text())
    return frozenset((*defined(), *requests(collection)))


@pytest.mark.parametrize("name", NAMES)
def test_a_test_that_the_page_names_exists(known: frozenset[str], name: str) -> None:
    assert name in known


def test_every_ticket_has_its_part_and_every_criterion_a_test() -> None:
    assert all(f"## {ticket}: " in PAGE for ticket in TICKETS)
    assert all(re.search(r"`[^`]+`", line[2]) for line in LINES)
    assert len(LINES) == PAGE.count("\n| ") - 2 * PAGE.count("\n| --- ")

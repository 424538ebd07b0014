"""The Postman collection, as far as it can be looked at without newman, which `make contract` runs."""

import json
import re
from collections.abc import Iterator
from typing import Any

from local.processes import ROOT
from tests.contract.api.collection import COLLECTION
from tests.contract.api.specification import answers

# As API-003 names them: valid token, missing token, tampered signature, six rapid calls.
REQUIRED = ("valid token → 202", "no token → 401", "tampered signature → 403", "6 rapid calls")


def requests(folder: Any) -> Iterator[str]:
    for item in folder["item"]:
        yield from requests(item) if "item" in item else [item["name"]]


NAMES = list(requests(json.loads(COLLECTION.read_text())))


def test_the_four_cases_of_api_003_are_there() -> None:
    assert [case for case in REQUIRED if not any(name.startswith(case) for name in NAMES)] == []


def test_every_request_expects_a_documented_answer() -> None:
    documented = {(answer.status, code) for answer in answers() for code in (*answer.codes, *answer.statuses)}
    for name in NAMES:
        found = re.search(r"→ (\d{3})(?: (\w+))?$", name)
        assert found, f"{name}: a name ends with the status, and the code of the body"
        assert found[1] == "204" or (int(found[1]), found[2]) in documented, name


def test_newman_is_pinned_and_the_lock_names_no_registry() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    installed = {path: package for path, package in packages.items() if path}
    assert wanted == {"newman": installed["node_modules/newman"]["version"]}
    assert all(package["integrity"].startswith("sha512-") for package in installed.values())
    assert not [path for path, package in installed.items() if "resolved" in package]

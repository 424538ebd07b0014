"""Whatever is sent, the API answers as `docs/api/openapi.yaml` says: schemathesis, over HTTP, on real processes.

`FUZZ_CASES` is how many cases to generate at least, `FUZZ_SEED` which ones. A failure ends with a `curl` command.
"""

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from local.gateway_routes import OPENAPI
from local.processes import ROOT, environment
from tests.contract.api.fuzz_world import World, statuses, world

pytestmark = pytest.mark.timeout(600)

CASES = int(os.environ.get("FUZZ_CASES", "200"))
SEED = os.environ.get("FUZZ_SEED", "1")
CONFIG = "tests/contract/api/schemathesis.toml"


@dataclass(frozen=True, slots=True)
class Scenario:
    """`share` of all cases; `seen` is what must have been answered, or something hid everything else.

    `yields` is what an example comes to: requests to six operations, repeated without a token, and in chains; a low
    guess.
    """

    share: float
    seen: str
    awake: bool = False
    signed_in: bool = True
    only: tuple[str, ...] = ()
    yields: float = 12


SCENARIOS = {
    "a live worker": Scenario(0.35, "POST /infer 202", awake=True),
    "a sleeping node": Scenario(0.35, "POST /infer 202"),
    "bad prompts": Scenario(
        0.1,
        "POST /infer 400",
        only=("--include-name", "POST /infer", "--mode", "negative", "--phases", "fuzzing"),
        yields=0.9,
    ),
    "nobody signed in": Scenario(0.2, "POST /infer 401", awake=True, signed_in=False),
}


def schemathesis(
    where: World, scenario: Scenario, document: Path = OPENAPI, cases: int = CASES
) -> "subprocess.CompletedProcess[str]":
    told = {
        "SCHEMATHESIS_HOOKS": "tests.contract.api.fuzz_hooks",
        "FUZZ_SIGNED_IN": "yes" if scenario.signed_in else "no",
        "FUZZ_ISSUER": where.issuer,
        "FUZZ_CLIENT_ID": where.client_id,
    }
    st = str(Path(sys.executable).with_name("st"))
    command = [st, "--config-file", CONFIG, "run", str(document), "--url", where.url, *scenario.only]
    command += ["--max-examples", str(math.ceil(cases * scenario.share / scenario.yields)), "--seed", SEED]
    command += ["--generation-database", "none", "--warnings", "off", "--no-color"]
    return subprocess.run(command, env=environment(told), cwd=ROOT, capture_output=True, text=True, check=False)


def _short(answered: Mapping[str, int]) -> str:
    """How often each status was answered."""
    by_status: dict[str, int] = {}
    for key, count in answered.items():
        status = key.rpartition(" ")[2]
        by_status[status] = by_status.get(status, 0) + count
    return ", ".join(f"{count} x {status}" for status, count in sorted(by_status.items()))


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_every_answer_is_documented(
    tmp_path: Path, scenario: Scenario, record_property: Callable[[str, object], None]
) -> None:
    with world(tmp_path, awake=scenario.awake) as where:
        done = schemathesis(where, scenario)
        answered = statuses(where.gateway_log)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}"
    generated = int(re.findall(r"^  (\d[\d,]*) generated", done.stdout, re.MULTILINE)[0].replace(",", ""))
    record_property("fuzzed", f"{generated:5} cases: {_short(answered)}")
    assert generated >= CASES * scenario.share
    assert sum(answered.values()) >= generated, "every case reached the gateway"
    assert answered.get(scenario.seen), answered


def test_an_answer_that_is_not_documented_is_found(tmp_path: Path) -> None:
    document = yaml.safe_load(OPENAPI.read_text())
    del document["paths"]["/jobs/{id}"]["get"]["responses"]["404"]
    document["components"]["schemas"]["Stopping"]["properties"]["status"]["const"] = "another"
    altered = tmp_path / "altered.yaml"
    altered.write_text(yaml.safe_dump(document))
    with world(tmp_path, awake=True) as where:
        done = schemathesis(where, SCENARIOS["a live worker"], altered, cases=100)
    assert done.returncode == 1
    assert "Undocumented status code" in done.stdout
    assert "Response violates schema" in done.stdout

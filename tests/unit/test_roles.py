"""What holds for every role: that its defaults, its argument specs and its page say the same."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.settings import WatchdogSettings, WorkerSettings

ROLES = sorted(path for path in (Path(__file__).parents[2] / "roles").iterdir() if (path / "tasks").is_dir())
NAMES = [role.name for role in ROLES]


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else {}


@pytest.fixture(params=ROLES, ids=NAMES)
def role(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_every_role_of_the_plan_is_there() -> None:
    assert set(NAMES) == {
        "base",
        "builder",
        "cloudwatch_agent",
        "docker",
        "idle_watchdog",
        "inference_engine",
        "nvidia",
        "sam_cli",
        "worker",
    }


def test_defaults_specs_and_page_list_the_same_variables_in_the_same_order(role: Path) -> None:
    defaults = list(_load(role / "defaults" / "main.yml"))
    specs = list(_load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"])
    page = re.findall(rf"^\| `({role.name}_\w+)` \|", (role / "README.md").read_text(), re.MULTILINE)
    assert defaults == specs == page


def test_every_variable_bears_the_name_of_its_role(role: Path) -> None:
    variables = [*_load(role / "defaults" / "main.yml"), *(_load(role / "vars" / "main.yml") or {})]
    assert [name for name in variables if not name.startswith(f"{role.name}_")] == []


def test_every_default_is_explained_above_it_or_with_its_neighbours(role: Path) -> None:
    lines = (role / "defaults" / "main.yml").read_text().splitlines()
    assert sum(line.startswith("# ") for line in lines) >= len(_load(role / "defaults" / "main.yml")) / 2


def test_a_role_goes_in_four_steps(role: Path) -> None:
    steps = [task["ansible.builtin.import_tasks"] for task in _load(role / "tasks" / "main.yml")]
    assert steps == ["preflight.yml", "install.yml", "configure.yml", "service.yml"]


def test_a_role_has_two_scenarios_and_each_looks_at_what_it_does(role: Path) -> None:
    scenarios = [path.parent for path in role.glob("molecule/*/molecule.yml")]
    assert len(scenarios) >= 2
    assert "default" in {scenario.name for scenario in scenarios}
    assert [scenario.name for scenario in scenarios if not (scenario / "verify.yml").exists()] == []


def test_the_page_names_every_scenario(role: Path) -> None:
    page = (role / "README.md").read_text()
    names = {path.parent.name for path in role.glob("molecule/*/molecule.yml")}
    assert {name for name in names if f"`{name}`" not in page} == set()


@pytest.mark.parametrize(
    ("role_name", "settings", "scenarios"),
    [
        ("worker", WorkerSettings, ["default", "baked"]),
        ("idle_watchdog", WatchdogSettings, ["default", "broken"]),
    ],
)
def test_scenarios_give_only_settings_that_the_program_reads(
    role_name: str, settings: type[WorkerSettings] | type[WatchdogSettings], scenarios: list[str]
) -> None:
    for name in scenarios:
        text = _load(Path(__file__).parents[2] / "roles" / role_name / "molecule" / name / "molecule.yml")
        given = text["provisioner"]["inventory"]["group_vars"]["all"].get(f"{role_name}_settings", {})
        known = {field.upper() for field in settings.model_fields}
        assert set(given) <= known | {"AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT"}


def test_the_wheel_that_hosts_are_given_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    built = []
    for folder in ("one", "two"):
        command = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(tmp_path / folder),
        ]
        subprocess.run(command, cwd=ROLES[0].parents[1], check=True, capture_output=True)
        built += [path.read_bytes() for path in (tmp_path / folder).glob("*.whl")]
    assert len(built) == 2
    assert built[0] == built[1]

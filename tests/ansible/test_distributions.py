"""What the roles are told for each distribution that they are made for: Ansible itself, with the facts of that one.

Only Debian runs where no registry answers (docs/hosts.md); this is what can be seen of the others there. Versions of
Python: the distributions' package lists.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = ("base", "cloudwatch_agent", "docker", "idle_watchdog", "inference_engine", "nvidia", "sam_cli", "worker")
DISTRIBUTIONS = {
    "jammy": {"distribution": "Ubuntu", "distribution_version": "22.04"},
    "noble": {"distribution": "Ubuntu", "distribution_version": "24.04"},
    "bookworm": {"distribution": "Debian", "distribution_version": "12.11"},
}
PYTHON = {
    "jammy": {"python3": (3, 10), "python3.11": (3, 11)},
    "noble": {"python3": (3, 12)},
    "bookworm": {"python3": (3, 11)},
}
SSH = {"jammy": "ssh", "noble": "ssh.socket", "bookworm": "ssh"}

Settings = dict[str, dict[str, Any]]


def _play() -> list[dict[str, Any]]:
    """Give each host its facts, load every role's variables, and write them down as Ansible understands them."""
    files = [
        path for role in ROLES for part in ("defaults", "vars") for path in ROOT.glob(f"roles/{role}/{part}/main.yml")
    ]
    names = [name for path in files for name in yaml.safe_load(path.read_text())]
    # Those that a task finds out, or that need the wheel.
    shown = [name for name in names if not name.endswith(("_wheel", "_venv", "_parts", "requirements", "model_file"))]
    facts = {"architecture": "x86_64", "distribution_release": "{{ inventory_hostname }}"}
    facts |= {name: f"{{{{ {name} }}}}" for name in ("distribution", "distribution_version")}
    return [
        {
            "hosts": "all",
            "connection": "local",
            "gather_facts": False,
            "tasks": [
                {"ansible.builtin.set_fact": {**facts, "cacheable": True}},
                *({"ansible.builtin.include_vars": {"file": str(path)}} for path in files),
                {
                    "ansible.builtin.copy": {
                        "dest": "{{ out }}/{{ inventory_hostname }}.json",
                        "content": "{{ {" + ", ".join(f"'{name}': {name}" for name in shown) + "} | to_json }}",
                        "mode": "0644",
                    }
                },
            ],
        }
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The variables of every role, by distribution."""
    folder = tmp_path_factory.mktemp("told")
    (folder / "play.yml").write_text(yaml.safe_dump(_play(), sort_keys=False))
    inventory = {"all": {"vars": {"out": str(folder)}, "hosts": DISTRIBUTIONS}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "play.yml"]
    env = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in DISTRIBUTIONS}


@pytest.fixture(params=DISTRIBUTIONS)
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_each_is_supported_and_nothing_else_is(told: Settings, release: str) -> None:
    platforms = [settings["base_platform"] for settings in told.values()]
    assert told[release]["base_platform"] == f"{DISTRIBUTIONS[release]['distribution']} {release}"
    assert sorted(told[release]["base_supported"]) == sorted(platforms)


@pytest.mark.parametrize("role", ["worker", "inference_engine"])
def test_the_wheel_gets_a_python_that_it_runs_on_and_that_the_distribution_has(
    told: Settings, release: str, role: str
) -> None:
    python = told[release][f"{role}_python"]
    assert PYTHON[release][python] >= (3, 11)


def test_sam_gets_a_python_that_it_runs_on(told: Settings, release: str) -> None:
    assert PYTHON[release][told[release]["sam_cli_python"]] >= (3, 10)


def test_repositories_are_those_of_the_distribution(told: Settings, release: str) -> None:
    system = DISTRIBUTIONS[release]["distribution"].lower()
    assert told[release]["docker_upstream_url"] == f"https://download.docker.com/linux/{system}"
    assert f".com/{system}/amd64/latest/" in told[release]["cloudwatch_agent_url"]


def test_what_answers_ssh_is_kept_as_the_distribution_has_it(told: Settings, release: str) -> None:
    kept = ["cron", "chrony", "apt-daily-upgrade.timer", SSH[release]]
    assert told[release]["base_services"] == kept


@pytest.mark.parametrize("name", ["cloudwatch_agent/files/check_agent_config.py"])
def test_what_the_host_s_own_python_runs_is_no_newer_than_the_oldest_of_them(name: str) -> None:
    oldest = min(pythons["python3"] for pythons in PYTHON.values())
    tree = ast.parse((ROOT / "roles" / name).read_text(), feature_version=oldest)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {"tomllib"}

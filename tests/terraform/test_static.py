"""The configuration without any account: its form, its own tests, both majors of the provider, and checkov."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.processes import ROOT
from tests import environments
from tests.terraform.configuration import CONFIGURATION, FOLDERS, MODULES, Block, blocks, rejections
from tinyllama.domain.prices import USD_PER_EUR, USD_PER_HOUR

pytestmark = pytest.mark.terraform

SIX = "TL_TERRAFORM_SIX"
"""Names a CLI configuration under which `terraform init` gets a provider of major 6, or what stands in for it."""
NO_PROVIDER = ("Failed to query available provider packages", "Could not retrieve the list of available versions")
LEFT_OUT = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")


def named(path: Path) -> str:
    return path.name


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the root reads, so that nothing is left in the repository."""
    folder = tmp_path_factory.mktemp("configuration")
    for name in ("terraform", "observability", "docs", "roles"):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    return folder / "terraform"


def terraform(
    folder: Path, *command: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    if shutil.which("terraform") is None:
        pytest.skip("there is no terraform on this machine: install 1.11 or newer")
    setting = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        ["terraform", *command],
        cwd=folder,
        env={**os.environ, **setting, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def init(folder: Path, environ: Mapping[str, str] | None = None) -> None:
    done = terraform(folder, "init", "-backend=false", "-no-color", environ=environ)
    if any(sign in done.stderr + done.stdout for sign in NO_PROVIDER):
        pytest.skip("the provider hashicorp/aws cannot be had here")
    assert done.returncode == 0, done.stderr + done.stdout


def validated(folder: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """What `terraform validate` finds, warnings as well."""
    found = json.loads(terraform(folder, "validate", "-json", environ=environ).stdout)["diagnostics"]
    return [f"{one['severity']}: {one['summary']}: {one.get('detail', '')}" for one in found]


class TestForm:
    def test_everything_is_formatted(self) -> None:
        done = terraform(CONFIGURATION, "fmt", "-check", "-recursive", "-no-color")
        assert not done.stdout, f"run: terraform fmt -recursive terraform\n{done.stdout}"

    @pytest.mark.parametrize("module", MODULES, ids=named)
    def test_a_module_says_what_it_takes_gives_and_needs_and_has_tests(self, module: Path) -> None:
        assert {"variables.tf", "outputs.tf", "versions.tf"} <= {path.name for path in module.glob("*.tf")}
        assert list(module.glob("tests/*.tftest.hcl"))

    @pytest.mark.parametrize("module", MODULES, ids=named)
    def test_a_module_says_what_it_costs(self, module: Path) -> None:
        assert any("Monthly cost" in path.read_text() for path in module.glob("*.tf"))

    @pytest.mark.parametrize("folder", FOLDERS, ids=named)
    def test_inputs_have_a_type_and_a_description_and_outputs_a_description(self, folder: Path) -> None:
        wanted = {"variable": ("type", "description"), "output": ("description",)}
        missing = [
            f"{block}: {argument}"
            for block in blocks(folder, *wanted)
            for argument in wanted[block.kind]
            if not block.has(argument)
        ]
        assert not missing, "\n".join(missing)

    @pytest.mark.parametrize("folder", FOLDERS, ids=named)
    def test_each_rule_for_an_input_has_a_test_that_it_rejects(self, folder: Path) -> None:
        rules = {
            f"var.{variable.labels[0]}": variable.text.count("  validation {")
            for variable in blocks(folder, "variable")
            if "  validation {" in variable.text
        }
        tested = Counter(rejections(folder))
        assert not {name: rule for name, rule in rules.items() if tested[name] < rule}

    @pytest.mark.parametrize("folder", FOLDERS, ids=named)
    def test_the_only_provider_is_aws_and_modules_are_our_own(self, folder: Path) -> None:
        for block in blocks(folder, "resource", "data"):
            assert block.labels[0].startswith("aws_"), block
        for block in blocks(folder, "module"):
            assert re.search(r'^  source += "\.\.?/', block.text, re.MULTILINE), block

    @pytest.mark.parametrize("folder", FOLDERS, ids=named)
    def test_every_log_group_says_how_long_it_is_kept(self, folder: Path) -> None:
        groups = [block for block in blocks(folder, "resource") if block.labels[0] == "aws_cloudwatch_log_group"]
        assert not [str(block) for block in groups if not block.has("retention_in_days")]

    def test_prices_and_rate_are_those_of_the_domain(self) -> None:
        [types] = re.findall(r"known_types = (\[[^]]*\])", (CONFIGURATION / "main.tf").read_text())
        assert set(json.loads(types)) == {name for region in USD_PER_HOUR.values() for name in region}
        [rate] = [block for block in blocks(CONFIGURATION, "variable") if block.labels == ["usd_per_eur"]]
        assert f"default     = {USD_PER_EUR}" in rate.text

    def test_the_saved_query_asks_for_exactly_the_columns_that_the_table_has(self) -> None:
        audit = (CONFIGURATION / "modules" / "ops" / "audit.tf").read_text()
        [columns] = re.findall(r"for_each = \{\n(.*?)\n      \}", audit, re.DOTALL)
        query = (ROOT / "observability" / "queries" / "resize_audit.sql").read_text()
        asked = set(
            re.findall(
                r"\b(event\w+|error\w+|source\w+|request\w+|response\w+|user\w+)\b", query.partition("SELECT")[2]
            )
        )
        assert asked == set(re.findall(r"(\w+) += ", columns))
        assert "tinyllama_audit.cloudtrail" in query


class TestProvider:
    @pytest.mark.timeout(900)
    @pytest.mark.parametrize("name", [".", *(f"modules/{module.name}" for module in MODULES)])
    def test_the_configuration_passes_its_own_tests(self, copy: Path, name: str) -> None:
        init(copy / name)
        assert validated(copy / name) == []
        done = terraform(copy / name, "test", "-no-color")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "0 failed." in done.stdout

    @pytest.mark.timeout(300)
    def test_everything_that_takes_tags_has_a_role(self, copy: Path) -> None:
        init(copy / "modules" / "network")  # the root would want its state first
        shown = json.loads(terraform(copy / "modules" / "network", "providers", "schema", "-json").stdout)
        schemas: Mapping[str, Any] = next(iter(shown["provider_schemas"].values()))["resource_schemas"]
        bare = [
            str(block)
            for folder in FOLDERS
            for block in blocks(folder, "resource")
            if "tags_all" in schemas[block.labels[0]]["block"]["attributes"] and not _has_role(block)
        ]
        assert not bare, "\n".join(bare)

    @pytest.mark.timeout(300)
    def test_the_next_major_of_the_provider_finds_nothing_deprecated(self, copy: Path, tmp_path: Path) -> None:
        configuration = os.environ.get(SIX)
        if not configuration:
            pytest.skip(f"{SIX} names no CLI configuration with a provider of major 6")
        shutil.copytree(copy.parent, tmp_path / "six", ignore=LEFT_OUT)
        environ = {"TF_CLI_CONFIG_FILE": configuration}
        init(tmp_path / "six" / "terraform", environ)
        assert validated(tmp_path / "six" / "terraform", environ) == []
        chosen = terraform(tmp_path / "six" / "terraform", "version", "-json", environ=environ).stdout
        [version] = json.loads(chosen)["provider_selections"].values()
        assert version.startswith("6.")


def _has_role(block: Block) -> bool:
    if not block.has("tags"):
        return False
    return re.search(r"\bRole += |local\.tags", block.text) is not None


@pytest.mark.timeout(300)
def test_checkov_finds_nothing_that_has_no_reason() -> None:
    try:
        environments.install("checkov")
    except environments.UnavailableError as error:
        pytest.skip(f"checkov cannot be installed: {error}")
    command = [str(environments.folder("checkov") / "bin" / "checkov"), "--skip-download", "-d", "."]
    done = subprocess.run(
        [*command, "--config-file", ".checkov.yaml", "-o", "json"],
        cwd=CONFIGURATION,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    found = json.loads(done.stdout)
    failed = [f"{one['check_id']} {one['check_name']}: {one['resource']}" for one in found["results"]["failed_checks"]]
    assert not failed, "\n".join(failed)
    assert found["summary"]["passed"] > 100, "checkov looked at nothing"
    assert found["summary"]["parsing_errors"] == 0, "a file that cannot be read is passed over"

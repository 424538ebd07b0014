"""`docs/deploy.md` tried by a new user: its commands are run, against an empty local AWS and then the applied one.

`terraform apply` and `terraform destroy` are left out: the fixture `stack` and `test_zz_destroy.py` run them.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.processes import ROOT
from tests.terraform.serving import Served, wait_for
from tests.terraform.stack import REGION, account_environment, local_aws, skip_without_provider

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

PAGE = (ROOT / "docs" / "deploy.md").read_text()
ELSEWHERE = ("terraform apply", "terraform destroy", "terraform output -json")


def commands(number: int) -> str:
    """The commands of a numbered section, but for those that are run elsewhere."""
    [section] = re.findall(rf"^## {number}\. .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    lines = "".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL)).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(ELSEWHERE))


@dataclass(frozen=True)
class Shell:
    """A new user's shell, in a project of their own."""

    folder: Path
    env: Mapping[str, str]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run commands, which end with the first one that fails."""
        command = ["bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    for tool in ("aws", "make", "terraform"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool} on this machine: docs/deploy.md says what is needed")


@pytest.fixture(scope="module")
def new_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """An empty account, and the project as it was fetched."""
    folder = tmp_path_factory.mktemp("new")
    project = folder / "project"
    project.mkdir()
    for path in ROOT.iterdir():
        if path.name not in {"terraform", ".git"}:
            (project / path.name).symlink_to(path)
    ignore = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "*.tfvars", "plan")
    shutil.copytree(ROOT / "terraform", project / "terraform", ignore=ignore)
    with local_aws(folder) as url:
        env = account_environment(url)
        yield Shell(project, {**env, "PATH": f"{make_without_set_up(folder)}:{env['PATH']}"})


def make_without_set_up(folder: Path) -> Path:
    """A folder with a `make` that installs nothing: what it would install is there already."""
    wrapper = folder / "bin" / "make"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("make")} --old-file=setup "$@"\n')
    wrapper.chmod(0o755)
    return wrapper.parent


@pytest.fixture(scope="module")
def planned(new_user: Shell) -> Shell:
    done = new_user.run(commands(1) + commands(2) + commands(3))
    skip_without_provider(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr
    return new_user


def test_the_commands_lead_from_an_empty_account_to_a_plan(planned: Shell) -> None:
    assert (planned.folder / "terraform" / "plan").is_file()
    s3 = client(planned, "s3")
    assert s3.get_bucket_versioning(Bucket="tinyllama-state-123456789012")["Status"] == "Enabled"


def test_a_bucket_name_that_somebody_else_has_is_refused_with_what_to_change(planned: Shell) -> None:
    sts = client(planned, "sts")
    keys = sts.assume_role(RoleArn="arn:aws:iam::210987654321:role/other", RoleSessionName="other")["Credentials"]
    other = client(planned, "s3", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    name = "tlfif-keys-123456789012"
    other.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    done = planned.run("make plan")
    assert done.returncode != 0
    assert re.search(rf"^{name}: somebody else .* bucket_suffix", done.stderr, re.MULTILINE), done.stderr
    assert done.stderr.count("tlfif-") == 1, "the other names are free"
    assert not (planned.folder / "terraform" / "plan").exists(), "it could be applied"


def test_the_first_user_gets_the_first_reply(served: Served) -> None:
    script = commands(5).replace("$(terraform output -raw api_url)", served.url)  # its name resolves to nothing here
    env = {**account_environment(served.stack.aws_url), "TL_TOKEN": served.token}
    done = Shell(served.stack.root, env).run(script)
    assert done.returncode == 0, done.stderr
    [(status, job)] = re.findall(r'"status": ?"(\w+)".*"id": ?"([0-9a-f-]+)"', done.stdout)
    assert status == "starting"
    wait_for(lambda: served.call("GET", f"/jobs/{job}").json().get("status") == "done", "the reply", pause_s=1)
    wait_for(lambda: served.call("POST", "/stop").status_code == 202, "the stop", pause_s=1)
    wait_for(lambda: served.node_state() == "stopped", "a stopped node")


def client(shell: Shell, service: str, *keys: str) -> Any:
    """A boto3 client of the shell's account, or of that with other keys: id, secret and token."""
    own = (shell.env["AWS_ACCESS_KEY_ID"], shell.env["AWS_SECRET_ACCESS_KEY"], None)
    access, secret, token = keys or own
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=REGION,
        endpoint_url=shell.env["AWS_ENDPOINT_URL"],
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )

"""Where the bare distribution comes from, with a podman and a mmdebstrap that only write down what they are asked."""

import os
import subprocess
from pathlib import Path

import pytest

from local.processes import ROOT
from tests.hosts.images import ImageError, images

PODMAN = """#!/bin/sh
echo "podman $*" >>"$ASKED"
last=$(eval echo "\\${$#}")
case "$1" in
  image) grep -qxF "$3" "$IMAGES" ;;
  pull) [ -n "$REGISTRY" ] ;;
  build) cat >/dev/null; echo "$6" >>"$IMAGES" ;;
  import) echo "$last" >>"$IMAGES" ;;
esac
"""
MMDEBSTRAP = """#!/bin/sh
echo "mmdebstrap $4" >>"$ASKED"
"""


class Machine:
    """One with the tools that it is given."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._asked = folder, folder / "asked"
        (folder / "images").touch()
        self._asked.touch()

    def install(self, name: str, text: str) -> None:
        program = self._folder / name
        program.write_text(text)
        program.chmod(0o755)

    def environment(self, **settings: str) -> dict[str, str]:
        files = {"ASKED": str(self._asked), "IMAGES": str(self._folder / "images"), "REGISTRY": ""}
        return {"PATH": f"{self._folder}:{os.environ['PATH']}", **files, **settings}

    def make(self, **settings: str) -> subprocess.CompletedProcess[str]:
        env = self.environment(**settings)
        script = str(ROOT / "local" / "host_image.sh")
        return subprocess.run(["/bin/bash", script], env=env, capture_output=True, text=True, check=False)

    @property
    def asked(self) -> list[str]:
        return [line for line in self._asked.read_text().splitlines() if not line.startswith("podman image")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    for name, text in {"podman": PODMAN, "runc": "#!/bin/sh\n", "mmdebstrap": MMDEBSTRAP}.items():
        found.install(name, text)
    return found


def test_ubuntu_is_taken_where_a_registry_answers_and_only_once(machine: Machine) -> None:
    first, second = machine.make(REGISTRY="yes"), machine.make(REGISTRY="yes")

    assert first.stdout == second.stdout
    assert first.stdout.startswith("localhost/tinyllama-host:ubuntu-22.04-")
    assert [line.split()[1] for line in machine.asked] == ["pull", "build"]


def test_debian_is_made_from_apts_own_sources_where_none_answers(machine: Machine) -> None:
    done = machine.make()

    assert done.stdout.startswith("localhost/tinyllama-host:bookworm-")
    assert "mmdebstrap bookworm" in machine.asked


def test_whoever_names_a_suite_gets_it_though_a_registry_answers(machine: Machine) -> None:
    done = machine.make(REGISTRY="yes", TL_HOST_SUITE="trixie")

    assert done.stdout.startswith("localhost/tinyllama-host:trixie-")
    assert not [line for line in machine.asked if "pull" in line]


def test_whoever_names_an_image_of_a_registry_gets_no_other(machine: Machine) -> None:
    done = machine.make(TL_HOST_FROM="docker.io/library/ubuntu:24.04")

    assert (done.returncode, done.stdout) == (4, "")
    assert "docker.io/library/ubuntu:24.04 cannot be had" in done.stderr
    assert not [line for line in machine.asked if "mmdebstrap" in line]


def test_every_distribution_is_tested_on_that_can_be_had_and_the_others_are_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    assert [image.split("-")[1] for image in images(said.append, everywhere=True)] == ["host:bookworm"]
    assert [line.split(" SKIPPED")[0] for line in said] == ["test-hosts: Ubuntu 22.04", "test-hosts: Ubuntu 24.04"]
    monkeypatch.setenv("REGISTRY", "yes")
    found = [image.removeprefix("localhost/tinyllama-host:") for image in images(said.append, everywhere=True)]
    assert [image.rpartition("-")[0].rpartition("-")[0] for image in found] == [
        "ubuntu-22.04",
        "ubuntu-24.04",
        "bookworm",
    ]


def test_an_image_that_somebody_names_and_that_cannot_be_had_is_no_skip(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in machine.environment(TL_HOST_FROM="docker.io/library/ubuntu:24.04").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImageError):
        list(images(print, everywhere=False))


def test_an_image_of_ones_own_is_taken_as_it_is(machine: Machine) -> None:
    assert machine.make(TL_HOST_IMAGE="mine:1").stdout == "mine:1\n"
    assert machine.asked == []


def test_a_missing_tool_is_named_with_what_installs_it(tmp_path: Path) -> None:
    done = Machine(tmp_path).make(PATH=str(tmp_path))

    assert done.returncode == 3
    assert "apt-get install podman runc mmdebstrap" in done.stderr
    assert done.stdout == ""

"""When a node's image is made anew, and what is said where it cannot be made."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from local import node_image
from local.node_image import ImageError, ensure
from local.state import Home, NodeKind, Options

Change = Callable[[Path], object]
FILES = {
    "playbooks/site.yml": "the playbook",
    "requirements/worker.lock": "a lock file",
    "requirements/engine.lock": "another",
    "requirements/model.lock": "a third",
    "roles/worker/tasks/main.yml": "a task",
    "roles/worker/README.md": "a page",
    "roles/worker/molecule/default/verify.yml": "a test",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {**FILES, "wheel.whl": "a wheel"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(node_image, "ROOT", tmp_path)
    return tmp_path


def digest(project: Path, base: str = "base", slots: int = 4) -> str:
    variables = node_image._variables(slots, None, "eu-central-1")
    return node_image._digest(base, project / "wheel.whl", variables)


@pytest.mark.parametrize(
    "name", ["playbooks/site.yml", "requirements/model.lock", "roles/worker/tasks/main.yml", "wheel.whl"]
)
def test_what_goes_into_a_node_makes_another_image(project: Path, name: str) -> None:
    before = digest(project)
    (project / name).write_text("changed")
    assert digest(project) != before


@pytest.mark.parametrize("name", ["roles/worker/README.md", "roles/worker/molecule/default/verify.yml"])
def test_what_does_not_go_into_a_node_leaves_its_image_alone(project: Path, name: str) -> None:
    before = digest(project)
    (project / name).write_text("changed")
    assert digest(project) == before


def test_another_distribution_or_another_setting_makes_another_image(project: Path) -> None:
    assert len({digest(project), digest(project, base="other"), digest(project, slots=8)}) == 3


def test_a_machine_without_podman_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_image, "lacks", lambda: "missing: podman")
    said: list[str] = []

    with pytest.raises(ImageError, match="missing: podman"):
        ensure(said.append, slots=4, region="eu-central-1")
    assert said == []


def test_an_image_that_is_there_is_taken_without_another_word(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_image, "lacks", lambda: "")
    monkeypatch.setattr(node_image, "_wheel", lambda folder: project / "wheel.whl")
    monkeypatch.setattr(node_image, "_base", lambda: "base")
    monkeypatch.setattr(node_image, "exists", lambda kind, name: True)

    image = ensure(lambda _: None, slots=4, region="eu-central-1")

    assert image == f"localhost/tinyllama-node:{digest(project)}"


def test_tl_up_with_a_container_says_what_is_missing_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from local import launch  # noqa: PLC0415 -- beside what it is about

    monkeypatch.setattr(node_image, "lacks", lambda: "missing: runc. On Debian or Ubuntu: apt-get install podman runc")
    home = Home(tmp_path)

    with pytest.raises(typer.Exit) as ended:
        launch.up(home, Options(port=0), foreground=False, node=NodeKind.CONTAINER)

    assert ended.value.exit_code == 1
    said = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert "a node in a container cannot be had here: missing: runc" in said
    assert "tl up" in said
    assert home.read() is None


def test_two_platforms_never_take_each_others_containers_away(tmp_path: Path) -> None:
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    assert one.tag != other.tag
    assert one.tag == Home(tmp_path / "one").tag

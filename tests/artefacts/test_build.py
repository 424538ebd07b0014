"""Same input, same bytes; nothing but our code in one zip, nothing but the locked wheels in the other."""

import base64
import hashlib
import os
import re
import zipfile
from pathlib import Path

import pytest

from tests.artefacts.making import ROOT, Artefacts, build, copy_of_the_tree

MIB = 1024 * 1024
HANDLERS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "lambdas").glob("*/handler.py"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_of_the_tree(tmp_path / "tree")


def test_the_same_input_gives_the_same_bytes_whatever_times_modes_and_caches_the_files_have(
    artefacts: Artefacts, copy: Path, tmp_path: Path
) -> None:
    for number, path in enumerate(sorted(copy.rglob("*"))):
        path.chmod(0o755)
        os.utime(path, (10**9 + number, 10**9 + number))
    (copy / "lambdas" / "__pycache__").mkdir(exist_ok=True)
    (copy / "lambdas" / "__pycache__" / "stale.py").write_text("")
    (copy / "tinyllama" / "notes.txt").write_text("not code")
    done = build(copy, tmp_path / "again")
    assert done.returncode == 0, done.stderr
    again = Artefacts.of(tmp_path / "again")
    assert again.manifest == artefacts.manifest
    assert [path.read_bytes() for path in again.zips] == [path.read_bytes() for path in artefacts.zips]


def test_another_input_gives_other_bytes_only_where_it_belongs(
    artefacts: Artefacts, copy: Path, tmp_path: Path
) -> None:
    with (copy / "lambdas" / "__init__.py").open("a") as source:
        source.write("# changed\n")
    build(copy, tmp_path / "again")
    changed = Artefacts.of(tmp_path / "again")
    pairs = zip(changed.manifest, artefacts.manifest, strict=True)
    assert [new["sha256"] != old["sha256"] for new, old in pairs] == [True, False, False]


def test_the_function_holds_our_code_its_lua_and_every_handler(artefacts: Artefacts) -> None:
    with zipfile.ZipFile(artefacts.function) as archive:
        names = archive.namelist()
        assert {(entry.date_time, entry.external_attr >> 16) for entry in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }
    assert names == sorted(names)
    assert {Path(name).parts[0] for name in names} == {"tinyllama", "lambdas"}
    assert {Path(name).suffix for name in names} == {".py", ".lua"}
    assert set(HANDLERS) <= set(names)
    assert artefacts.function.stat().st_size <= 5 * MIB


def test_both_layers_hold_exactly_the_locked_packages(artefacts: Artefacts) -> None:
    text = (ROOT / "requirements" / "lambda.lock").read_text()
    pins = {tuple(line.split(" ")[0].split("==")) for line in text.splitlines() if "==" in line and line[0].isalpha()}
    for architecture in ("x86_64", "arm64"):
        with zipfile.ZipFile(artefacts.layer(architecture)) as archive:
            names = archive.namelist()
        assert all(name.startswith("python/") for name in names)
        infos = {re.match(r"python/([^/]+)-([^-/]+)\.dist-info/METADATA", name) for name in names}
        found = {(info[1].replace("_", "-"), info[2]) for info in infos if info}
        assert found == pins
        assert not [name for name in names if "boto" in name], "the runtime brings it (docs/adr/0030)"


def test_the_lock_file_pins_what_the_tests_run_with_by_hash_and_names_no_address() -> None:
    lock, tested = ((ROOT / "requirements" / f"{name}.lock").read_text() for name in ("lambda", "dev"))
    pins = [pin for pin in re.split(r"\n(?=\S)", lock) if pin.strip()]
    assert pins
    assert "://" not in lock
    assert all("--hash=sha256:" in pin for pin in pins)
    assert {pin.split(" ")[0] for pin in pins} <= {line.split(" ")[0] for line in tested.splitlines()}


def test_the_manifest_has_the_hash_that_lambda_reports_and_the_size(artefacts: Artefacts) -> None:
    for line in artefacts.manifest:
        content = (artefacts.folder / line["name"]).read_bytes()
        assert base64.b64decode(line["sha256"]) == hashlib.sha256(content).digest()
        assert line["bytes"] == len(content)
        assert line["unzipped"] < 100 * MIB


def test_a_function_that_grows_too_large_is_refused_with_what_to_do(copy: Path, tmp_path: Path) -> None:
    (copy / "tinyllama" / "large.lua").write_text("-" * 6 * MIB)
    done = build(copy, tmp_path / "out")
    assert done.returncode == 1
    assert "at most 5.00 MiB are allowed: move out what is not code" in done.stderr


def test_a_package_whose_hash_is_not_the_locked_one_is_not_installed(copy: Path, tmp_path: Path) -> None:
    lock = copy / "requirements" / "lambda.lock"
    lock.write_text(re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", lock.read_text()))
    done = build(copy, tmp_path / "out")
    assert done.returncode == 1
    assert "hash" in done.stderr.lower()


def test_native_code_that_poses_as_a_source_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "lambdas" / "fast.py").write_bytes(b"\x7fELF" + bytes(60))
    done = build(copy, tmp_path / "out")
    assert done.returncode == 1
    assert "lambdas/fast.py: is native code" in done.stderr

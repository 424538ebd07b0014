"""Calls the builder as `make lambda` does, on this tree or on a copy."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILDER = "ci/build_lambda.py"


def build(root: Path, output: Path) -> "subprocess.CompletedProcess[str]":
    """Run the builder of a tree."""
    command = [sys.executable, str(root / BUILDER), "--output", str(output)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def copy_of_the_tree(target: Path) -> Path:
    """What the builder reads, copied; every file's time is now."""
    for name in ("tinyllama", "lambdas"):
        shutil.copytree(ROOT / name, target / name, copy_function=shutil.copyfile)
    for name in (BUILDER, "ci/disallow_native.sh", "requirements/lambda.lock"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target / name)
    return target


def lambdas_python() -> str | None:
    """A Python 3.12, wherever the builder would look for one."""
    spec = importlib.util.spec_from_file_location("build_lambda", ROOT / BUILDER)
    assert spec
    assert spec.loader
    builder = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = builder  # where its dataclass looks for itself
    spec.loader.exec_module(builder)
    found: str | None = builder.lambdas_python(None)
    return found


@dataclass(frozen=True, slots=True)
class Artefacts:
    """The folder with zips and manifest, and what the manifest says."""

    folder: Path
    manifest: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, folder: Path) -> "Artefacts":
        """Read what was built."""
        return cls(folder, json.loads((folder / "manifest.json").read_text()))

    @property
    def zips(self) -> list[Path]:
        """All zips."""
        return [self.folder / one["name"] for one in self.manifest]

    @property
    def function(self) -> Path:
        """The function's zip."""
        return self._find("function", "x86_64")

    def layer(self, architecture: str) -> Path:
        """An architecture's layer."""
        return self._find("layer", architecture)

    def _find(self, kind: str, architecture: str) -> Path:
        names = (one["name"] for one in self.manifest if one["kind"] == kind and architecture in one["architectures"])
        return self.folder / str(next(names))

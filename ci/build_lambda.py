#!/usr/bin/env python3
"""Builds what Lambda is given, into build/lambda/: the function's zip, a layer for each architecture, a manifest.

Same input, same bytes: names are sorted, times and permissions fixed, and nothing is compressed, for what deflate
makes of a file depends on the zlib of the machine that builds. Third-party modules are compiled beforehand, since
Lambda mounts them read-only and would compile them in every cold start (docs/adr/0030).
"""

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "lambda.lock"
GUARD = ROOT / "ci" / "disallow_native.sh"
PYTHON = "3.12"  # Lambda's
PACKAGES = ("tinyllama", "lambdas")
SUFFIXES = {".py", ".lua"}
# Lambda's names of the architectures, and those of the wheels that fit its operating system (glibc 2.34, so 2.17 too).
PLATFORMS = {"x86_64": "x86_64-manylinux2014", "arm64": "aarch64-manylinux2014"}
# What an installer notes about itself and this machine, and commands that nobody calls.
LEFT_OUT = {"bin", ".lock", "INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}
MIB = 1024 * 1024
ZIP_MAX, UPLOAD_MAX, UNZIPPED_MAX = 5 * MIB, 50 * MIB, 250 * MIB
REMEDIES = {"function": "move out what is not code", "layer": "take a package out of requirements/lambda.in"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip can hold


class BuildError(Exception):
    """Something that whoever builds has to change; the text says what."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A line of the manifest. `sha256` is in base64, as Lambda's `CodeSha256`; `bytecode` is what compiled it."""

    name: str
    kind: str
    architectures: list[str]
    sha256: str
    bytes: int
    unzipped: int
    bytecode: str | None = None


def pack(files: Iterable[tuple[str, Path]], target: Path) -> int:
    """Write the files into a zip in the order of their names; returns their size in all."""
    size = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # a regular file on Unix, read by everybody
            content = path.read_bytes()
            archive.writestr(entry, content)
            size += len(content)
    return size


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    """Our packages: Python and Lua."""
    for package in PACKAGES:
        for path in (root / package).rglob("*"):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix(), path


def libraries(folder: Path) -> Iterator[tuple[str, Path]]:
    """What was installed into a folder, where Lambda looks for it in a layer."""
    for path in folder.rglob("*"):
        if path.is_file() and LEFT_OUT.isdisjoint(path.relative_to(folder).parts):
            yield f"python/{path.relative_to(folder).as_posix()}", path


def install(platform: str, folder: Path) -> None:
    """Fetch the locked wheels for a platform that need not be this one."""
    say(f"layer for {platform}: installing {LOCK.relative_to(ROOT)}")
    chosen = ["--python-platform", platform, "--python-version", PYTHON, "--only-binary", ":all:"]
    exact = ["--require-hashes", "--no-deps", "--link-mode", "copy", "--no-compile-bytecode"]
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise BuildError("uv is missing: `make setup` installs it")
    command = [uv, "pip", "install", "--quiet", *chosen, *exact, "--target", str(folder), "-r", str(LOCK)]
    run(command, "is the package index reachable, and has each package a wheel for this platform?")


def byte_compile(python: str, folder: Path) -> None:
    """Compile every module. Lambda never checks the result against its source, which cannot change there."""
    command = [python, "-I", "-m", "compileall", "-q", "-j", "1", "-s", str(folder), "-p", "/opt/python"]
    run([*command, "--invalidation-mode", "unchecked-hash", str(folder)], "a locked package does not compile")


def run(command: Sequence[str], advice: str) -> None:
    """Run a command. Raises `BuildError` with its output."""
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise BuildError(f"{' '.join(command[:3])} failed; {advice}\n{done.stdout}{done.stderr}")


def finish(target: Path, kind: str, architectures: list[str], unzipped: int, bytecode: str | None) -> Artefact:
    """Check and describe a zip. Raises `BuildError` when Lambda or our own rules would refuse it."""
    content = target.read_bytes()
    limit = ZIP_MAX if kind == "function" else UPLOAD_MAX
    if len(content) > limit:
        raise BuildError(f"{target.name} has {mib(len(content))}, at most {mib(limit)} are allowed: {REMEDIES[kind]}")
    run(["bash", str(GUARD), str(target), *(architectures if kind == "layer" else [])], "see what it found:")
    say(f"{target.name:32}{mib(len(content)):>10}, {mib(unzipped)} of files")
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return Artefact(target.name, kind, architectures, digest, len(content), unzipped, bytecode)


def say(text: str) -> None:
    """Tell how far it has come."""
    print(f"  {text}", flush=True)  # noqa: T201 -- a command that talks


def mib(size: int) -> str:
    """A size for people."""
    return f"{size / MIB:.2f} MiB"


def function(output: Path) -> Artefact:
    """Build the zip with our code, the same for every function and architecture."""
    target = output / "tinyllama-lambda.zip"
    return finish(target, "function", list(PLATFORMS), pack(sources(ROOT), target), None)


def layer(output: Path, architecture: str, python: str | None) -> Artefact:
    """Build the layer with everybody else's code for one architecture."""
    target = output / f"tinyllama-layer-{architecture}.zip"
    with tempfile.TemporaryDirectory(prefix="tl-layer-") as scratch:
        folder = Path(scratch)
        install(PLATFORMS[architecture], folder)
        if python:
            byte_compile(python, folder)
        return finish(target, "layer", [architecture], pack(libraries(folder), target), python and version(python))


def version(python: str) -> str | None:
    """The version of a Python; None when it is not Lambda's, or does not run."""
    script = "import platform; print(platform.python_version())"
    try:
        said = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return None
    return said if said.startswith(f"{PYTHON}.") else None


def lambdas_python(named: str | None) -> str | None:
    """A Python of Lambda's version: the one named, ours, one on the path, or one of pyenv's or uv's."""
    if named and not version(named):
        raise BuildError(f"{named} is no Python {PYTHON}: name one, or leave the choice to me")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    homes = [pyenv / "versions", Path.home() / ".local" / "share" / "uv" / "python"]
    others = [str(path) for home in homes for path in sorted(home.glob(f"*{PYTHON}*/bin/python{PYTHON}"))]
    candidates = (named, sys.executable, shutil.which(f"python{PYTHON}"), *others)
    return next((found for found in candidates if found and version(found)), None)


def build(output: Path, compiler: str | None) -> None:
    """Build everything. Raises `BuildError`."""
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "manifest.json"
    manifest.unlink(missing_ok=True)  # until everything it names is there
    if compiler is None:
        say(f"no Python {PYTHON} found: the layers stay uncompiled, and a cold start takes more than twice as long")
    made = [function(output), *(layer(output, architecture, compiler) for architecture in PLATFORMS)]
    largest = made[0].unzipped + max(one.unzipped for one in made[1:])
    if largest > UNZIPPED_MAX:
        raise BuildError(f"unzipped it is {mib(largest)}, Lambda takes {mib(UNZIPPED_MAX)}: {REMEDIES['layer']}")
    manifest.write_text(json.dumps([asdict(one) for one in made], indent=2) + "\n")
    say(f"function and layer unzip to {mib(largest)}, Lambda takes {mib(UNZIPPED_MAX)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 when an artefact cannot be built, or breaks a rule."""
    parser = argparse.ArgumentParser(description="Build the Lambda artefacts.")
    parser.add_argument("--python", help=f"a Python {PYTHON} that compiles the layers (default: one that is found)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "lambda", help="default: build/lambda")
    arguments = parser.parse_args(argv)
    try:
        build(arguments.output, lambdas_python(arguments.python))
    except BuildError as error:
        sys.stderr.write(f"make lambda: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Environments of other people's tools, each installed from its lock file into `build/peers` when first needed."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_UV = Path(sys.executable).parent / "uv"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class UnavailableError(Exception):
    """The environment cannot be installed here; the text says why."""


def folder(name: str) -> Path:
    """Where the environment of `requirements/NAME.lock` is."""
    return ROOT / "build" / "peers" / name


@cache
def install(name: str) -> None:
    """Make the environment, unless it is there and complete.

    Raises:
        UnavailableError: mostly since there is no package index within reach.
    """
    lock, place = ROOT / "requirements" / f"{name}.lock", folder(name)
    wanted = hashlib.sha256(f"{place} {sys.version} {lock.read_text()}".encode()).hexdigest()
    stamp = place / ".stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(place, ignore_errors=True)
    _run("venv", "--quiet", "--python", sys.executable, str(place))
    python = str(place / "bin" / "python")
    _run("pip", "sync", "--quiet", "--python", python, "--compile-bytecode", "--require-hashes", str(lock))
    stamp.write_text(wanted)


def _run(*words: str) -> None:
    try:
        done = subprocess.run(
            [str(_UV), *words], env={**_pip_settings(), **os.environ}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise UnavailableError(f"uv cannot be run: {error}") from error
    if done.returncode:
        raise UnavailableError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "uv failed")


def _pip_settings() -> Mapping[str, str]:
    """A mirror or a certificate that is set up for pip, handed on to uv, which does not read it (ci/bootstrap.sh)."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    found = dict(re.findall(r"^(?::env:|global|install)\.(index-url|cert)='(.*)'$", listed, re.MULTILINE))
    settings = {"UV_DEFAULT_INDEX": found.get("index-url"), "SSL_CERT_FILE": found.get("cert")}
    if Path(_CERTIFICATES).exists():
        settings["UV_SYSTEM_CERTS"] = "true"
    return {name: value for name, value in settings.items() if value}

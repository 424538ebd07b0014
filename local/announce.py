"""How a process of the platform tells its parent that it is ready: a small JSON file, never seen half written."""

import json
import os
from pathlib import Path
from typing import Any


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace the file in one step; only its owner may read it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
    aside.replace(path)


def announce(ready_file: Path | None, **facts: Any) -> None:
    """Say that this process is ready and where it is reached; a no-op when nobody asked."""
    if ready_file:
        write_atomically(ready_file, json.dumps(facts) + "\n")


def announced(ready_file: Path) -> dict[str, Any] | None:
    """What was announced; None while nothing was."""
    try:
        facts: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return facts

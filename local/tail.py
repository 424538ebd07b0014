"""`tl logs`: the ends of several files, as they grow."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

_PAUSE_S = 0.2


def tail(files: Mapping[str, Path], out: TextIO, *, follow: bool) -> None:
    """Print the files' lines, each with its file's name in front when there are several; `follow` goes on for ever."""
    read = dict.fromkeys(files, 0)
    try:
        while True:
            for name, path in files.items():
                prefix = f"{name:<10} " if len(files) > 1 else ""
                read[name] = _print_new(path, read[name], prefix, out)
            if not follow:
                return
            time.sleep(_PAUSE_S)
    except (KeyboardInterrupt, BrokenPipeError):
        return


def _print_new(path: Path, start: int, prefix: str, out: TextIO) -> int:
    """Print whole lines from `start` (bytes); returns where to go on."""
    if not path.exists():
        return 0
    if path.stat().st_size < start:
        start = 0  # a new platform began the file anew
    with path.open("rb") as file:
        file.seek(start)
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    out.writelines(f"{prefix}{line}\n" for line in whole.decode(errors="replace").splitlines())
    out.flush()
    return start + len(whole)

"""What Lambda's runtime does with a function, in a clean interpreter: `python3.12 -I -S -B container.py < ORDER`.

The order is JSON: `path` (the only folders to import from besides the standard library), `handler`, `events`. So is
the answer, on stdout: what the handler returned for each event, the milliseconds that its import and each call took,
where our package and hiredis came from, and every module that was imported.
"""

import contextlib
import importlib
import io
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    found = call()
    return found, (time.perf_counter() - started) * 1000


def main() -> None:
    """Obey one order."""
    order = json.load(sys.stdin)
    standard = [path for path in sys.path[1:] if not path.endswith("site-packages")]
    sys.path[:] = [*order["path"], *standard]  # the first was this file's own folder
    module, _, name = order["handler"].rpartition(".")
    with contextlib.redirect_stdout(io.StringIO()) as log:
        imported, import_ms = _timed(lambda: importlib.import_module(module))
        handler = getattr(imported, name)
        calls = [_timed(partial(handler, event, None)) for event in order["events"]]
    found = {
        "answers": [answer for answer, _ in calls],
        "call_ms": [took for _, took in calls],
        "import_ms": import_ms,
        "log": log.getvalue(),
        "origins": {name: str(sys.modules[name].__file__) for name in ("tinyllama", "hiredis") if name in sys.modules},
        "modules": sorted(sys.modules),
        "version": list(sys.version_info[:2]),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

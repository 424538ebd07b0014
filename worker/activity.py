"""The last sign of use, as a file between the worker and the watchdog.

One line, `<seconds since the epoch> <seconds to stay awake>`; the second number may be missing, so
that `date +%s >/var/tmp/last_infer_ts` works by hand.
"""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

from tinyllama.domain.node import Activity


def record(path: Path, activity: Activity) -> None:
    """Write the file in one step: a watchdog never reads half of it."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.write_text(f"{activity.at:.3f} {activity.idle_s:g}\n")
    scratch.replace(path)


class Recorder:
    """Records signs of use, at most one every `every_s` unless one asks for another idle time.

    Replacing a file takes longer than everything else that a worker does for a short job. A sign that is left out is
    younger by less than `every_s` than the one that stands; the watchdog counts in minutes. `clock` gives seconds.
    """

    def __init__(self, path: Path, *, every_s: float = 0.25, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._every_s, self._clock = path, every_s, clock
        self._idle_s, self._due = math.nan, 0.0

    def __call__(self, sign: Activity) -> None:
        """Record a sign, or leave it out."""
        now = self._clock()
        if now < self._due and sign.idle_s == self._idle_s:
            return
        record(self._path, sign)
        self._idle_s, self._due = sign.idle_s, now + self._every_s


def read(path: Path, *, default_idle_s: float) -> Activity | None:
    """Read the file; None when there is none.

    Raises:
        ValueError: the file holds something else.
    """
    try:
        words = path.read_text().split()
    except FileNotFoundError:
        return None
    try:
        at, idle_s = (float(word) for word in [*words, str(default_idle_s)][:2])
    except ValueError:
        at = idle_s = math.nan
    if len(words) > 2 or not math.isfinite(at) or not math.isfinite(idle_s):
        raise ValueError(f"{path} should hold one or two numbers")
    return Activity(at, idle_s)

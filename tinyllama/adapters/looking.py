"""Waiting for a job's end on a queue that cannot tell of it: looking again and again."""

import time
from collections.abc import Callable

from tinyllama.domain.jobs import JobStatus
from tinyllama.ports import Look


def look_until_ended(look: Callable[[], Look], wait_s: float, every_s: float) -> Look:
    """What `look` says once the job does not run any more, or after `wait_s`, looking every `every_s`."""
    until, found = time.monotonic() + wait_s, look()
    while found.view and found.view.status is JobStatus.RUNNING and (left_s := until - time.monotonic()) > 0:
        time.sleep(min(every_s, left_s))
        found = look()
    return found

"""Sending one prompt through the whole path, and waiting for its reply."""

import time
from collections.abc import Callable
from typing import Protocol

from tinyllama.domain.smoke import LIMIT_S, Outcome, judge


class Path(Protocol):
    """The public path, from its two ends. Both raise `SmokeError`."""

    def ask(self, prompt: str) -> str:
        """Send a prompt to the API; returns the job's id."""

    def reply(self, job_id: str) -> bytes | None:
        """The reply object; None while there is none."""


def run(
    path: Path,
    prompt: str,
    *,
    poll_s: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> tuple[str, bytes | None, Outcome]:
    """Returns the job's id, the reply object if there is one, and the outcome. Raises `SmokeError`."""
    began = clock()
    job_id = path.ask(prompt)
    while (reply := path.reply(job_id)) is None and (left := began + LIMIT_S - clock()) > 0:
        sleep(min(poll_s, left))
    return job_id, reply, judge(reply, clock() - began)

"""When this worker last got something done."""

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """`at` is when the engine last wrote something, in seconds since the epoch; None before the first time.

    Claiming a job is no progress, nor is failing at one: an engine that hangs must not keep its node alive.
    """

    at: float | None = None

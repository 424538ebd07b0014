"""What the users saw, kept apart from the queue: the judge believes this and the reply objects, and nothing else."""

import time
from dataclasses import dataclass, field

from tests.chaos.plan import Errand
from tinyllama.domain.jobs import Job, JobView
from tinyllama.ports import CancelCode


@dataclass(slots=True)
class Story:
    """One job as its owner knows it.

    `accepted` is None when the queue did not answer: such a job may exist or not, and is `open` when it was last seen
    and had not ended. `first` is the first final view that the owner got, and `last` what is there at the very end.
    """

    errand: Errand
    job: Job
    accepted: bool | None = None
    accepted_at: float = 0.0
    open: bool = False
    first: JobView | None = None
    first_at: float = 0.0
    last: JobView | None = None
    cancel: CancelCode | None = None
    cancel_unanswered: bool = False
    forgotten: bool = False
    strangers: int = 0
    log: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Add a line to the job's history."""
        self.log.append(f"{time.time():.3f} {what}")

    @property
    def waited_s(self) -> float | None:
        """From acceptance to the first final view."""
        return self.first_at - self.accepted_at if self.first else None

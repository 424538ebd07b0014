"""What the demo remembers of a run: how long each stage took, what the node went through, what was answered."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tinyllama.domain.replies import Reply

_LOOK_S = 0.1
BILLED = frozenset({"running", "ready", "draining"})
"""EC2 bills an instance while it is *running*; ready and draining are our own words for parts of that."""


class LookError(Exception):
    """The node cannot be seen."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The node in a state, first seen at `at` (s since the story began)."""

    at: float
    state: str
    instance_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One prompt from the asking to the last word; seconds, but for what the reply object says."""

    name: str
    eta_s: int | None
    first_text_s: float
    total_s: float
    reply: Reply

    @property
    def tokens_per_s(self) -> float:
        """Tokens a second while the model wrote."""
        timings = self.reply.timings
        writing_ms = max(1, timings.total_ms - timings.first_token_ms)
        return self.reply.usage.completion_tokens * 1000 / writing_ms


@dataclass(slots=True)
class Story:
    """Stages, sights and answers of one run."""

    clock: Callable[[], float] = time.monotonic
    began: float = field(default=0.0)
    stages: list[tuple[str, float]] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.began = self.clock()

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return self.clock() - self.began

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage."""
        started = self.clock()
        yield
        self.stages.append((name, self.clock() - started))

    def see(self, state: str, instance_type: str) -> bool:
        """Note what the node is; true when that is news."""
        last = self.sights[-1] if self.sights else None
        if state == "running" and last is not None and last.state in {"ready", "draining"}:
            state = "draining"  # its worker has gone, and EC2 does not know yet
        if last is not None and (last.state, last.instance_type) == (state, instance_type):
            return False
        self.sights.append(Sight(self.seconds, state, instance_type))
        return True

    def node_seconds(self) -> float:
        """For how long the node was billed."""
        ends = [sight.at for sight in self.sights[1:]] + [self.seconds]
        spans = zip(self.sights, ends, strict=False)
        return sum(end - sight.at for sight, end in spans if sight.state in BILLED)


class Watch:
    """Looks at the node in the background, until `look` raises `LookError`; `tell` is called with each news."""

    def __init__(self, story: Story, look: Callable[[], tuple[str, str]], tell: Callable[[Sight], None]) -> None:
        self._story, self._look, self._tell = story, look, tell
        self._news = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        """Start looking."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_LOOK_S):
            try:
                state, instance_type = self._look()
            except LookError:
                return  # whoever acts on the platform will say what happened to it
            if self._story.see(state, instance_type):
                self._tell(self._story.sights[-1])
                with self._news:
                    self._news.notify_all()

    def until(self, state: str, *, timeout_s: float) -> bool:
        """Wait until the node is in a state; false when it takes too long."""
        with self._news:
            return self._news.wait_for(lambda: bool(s := self._story.sights) and s[-1].state == state, timeout_s)

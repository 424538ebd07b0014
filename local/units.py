"""What systemd and cron do on a real node: keep a process running, run a command every so often."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.processes import spawn

RESTART_DELAY_S = 1.0

Say = Callable[[str], None]


@dataclass
class Unit:
    """A process that is restarted when it dies, until it is told to end."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    say: Say
    process: subprocess.Popen[bytes] | None = None
    _restart_at: float | None = None
    _ending: bool = False

    def start(self) -> None:
        """Start the process."""
        self.process = spawn(self.command, env=self.env, log=self.log)
        self._restart_at = None
        self.say(f"{self.name} started, pid {self.process.pid}")

    def tend(self, now: float) -> None:
        """Restart it when it died, a little later; `now` is on the monotonic clock."""
        if self._ending or self.process is None or self.process.poll() is None:
            return
        if self._restart_at is None:
            self.say(f"{self.name} died with code {self.process.returncode}, see {self.log.name}; restarting")
            self._restart_at = now + RESTART_DELAY_S
        elif now >= self._restart_at:
            self.start()

    def end(self) -> None:
        """Ask it to end (SIGTERM), once."""
        if not self._ending and self.process is not None and self.process.poll() is None:
            self.process.terminate()
        self._ending = True

    @property
    def gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """End it now."""
        self._ending = True
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@dataclass
class Timer:
    """A command that runs every `every_s`, the first time `every_s` after the start; never twice at once."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    every_s: float
    say: Say
    _due: float = field(default=0.0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Wait for the first time."""
        self._due = time.monotonic() + self.every_s

    def tend(self, now: float) -> None:
        """Run it when it is due; `now` is on the monotonic clock."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            if self._process.returncode:
                self.say(f"{self.name} failed with code {self._process.returncode}, see {self.log.name}")
            self._process = None
        if now >= self._due:
            self._due = now + self.every_s
            self._process = spawn(self.command, env=self.env, log=self.log)

    def kill(self) -> None:
        """Never run it again."""
        self._due = float("inf")
        if self._process is not None:
            self._process.kill()
            self._process.wait()

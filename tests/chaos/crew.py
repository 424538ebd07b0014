"""The workers of a storm: real processes that are killed, paused, cut off and drained, and started again."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.processes import spawn
from tests.chaos.network import Network
from tests.chaos.plan import LEASE_S

_START_MAX_S = 60.0


class Crew:
    """Worker `n` is one place that one process at a time has; a process that died gets a successor."""

    def __init__(
        self, network: Network, folder: Path, settings: Sequence[Mapping[str, str]], skews: Sequence[float]
    ) -> None:
        self.died: Counter[str] = Counter()
        self._network, self._folder, self._settings, self._skews = network, folder, settings, skews
        self._born: Counter[int] = Counter()
        self._process: dict[int, subprocess.Popen[bytes]] = {}
        self._away: set[int] = set()

    def start(self) -> None:
        """Start one in each place."""
        for place in range(len(self._settings)):
            self._spawn(place)

    def wait_until_ready(self) -> None:
        """Wait until every worker has said that it is ready. Raises `RuntimeError` after a minute."""
        until = time.monotonic() + _START_MAX_S
        for place in self._process:
            while '"ready"' not in self.log(place).read_text():
                if time.monotonic() > until or self._process[place].poll() is not None:
                    raise RuntimeError(f"worker {place} did not start: {self.log(place).read_text()}")
                time.sleep(0.02)

    def log(self, place: int) -> Path:
        """Where the processes of a place write."""
        return self._folder / f"worker-{place}.log"

    def _spawn(self, place: int) -> None:
        self._born[place] += 1
        environ = {
            **self._settings[place],
            "WORKER_NAME": f"worker-{place}.{self._born[place]}",
            "WORKER_SLOTS": "4",
            "LEASE_S": str(LEASE_S),
            "ENGINE_URL": "http://127.0.0.1",
            "ENGINE_TIMEOUT_S": "10",
            "DRAIN_GRACE_S": "1",
            "ACTIVITY_FILE": str(self._folder / f"used-{place}"),
            "CHAOS_SKEW_S": str(self._skews[place]),
        }
        command = self._network.command(place, [sys.executable, "-m", "tests.chaos.victim"])
        self._process[place] = spawn(command, env=environ, log=self.log(place))

    def signal(self, place: int, number: signal.Signals) -> None:
        """Send a signal to the process there, if it lives."""
        if self._process[place].poll() is None:
            self._process[place].send_signal(number)

    def cut(self, place: int) -> None:
        """Cut the place off."""
        self._network.cut(place)

    def mend(self, place: int) -> None:
        """Give the place its network back."""
        self._network.mend(place)

    def leave(self, place: int) -> None:
        """Start no successor there for now."""
        self._away.add(place)

    def back(self, place: int) -> None:
        """Start successors there again."""
        self._away.discard(place)

    def tend(self) -> None:
        """Start a successor wherever a process ended, as the service manager does."""
        for place, process in list(self._process.items()):
            if place not in self._away and process.poll() is not None:
                self.died[_cause(process.returncode)] += 1
                self._spawn(place)

    def end(self) -> None:
        """End them all at once."""
        for process in self._process.values():
            process.kill()
        for process in self._process.values():
            process.wait()


def _cause(code: int) -> str:
    return {0: "drained", -signal.SIGKILL: "killed"}.get(code, f"exit code {code}")

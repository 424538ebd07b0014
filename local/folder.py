"""The folder of a platform: a lock, logs, and what only a running platform needs. Quick to import."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import platformdirs


def default_home() -> Path:
    """`TL_HOME`, or the user's folder for state."""
    return Path(os.environ.get("TL_HOME") or platformdirs.user_state_dir("tinyllama"))


class Folder:
    """The folder; made on first use, for its owner's eyes only."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or default_home()).absolute()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.log_dir, self.run_dir = self.path / "logs", self.path / "run"
        self.log_dir.mkdir(exist_ok=True, mode=0o700)
        self.state_file, self._lock = self.path / "state.json", self.path / "lock"

    @property
    def tag(self) -> str:
        """Tells what belongs to this folder from what belongs to another, where it is not in the folder."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:8]

    def log(self, name: str) -> Path:
        """The log of a part."""
        return self.log_dir / f"{name}.log"

    def ready_file(self, name: str) -> Path:
        """Where a part says that it is ready."""
        return self.run_dir / f"{name}.ready"

    def forget(self) -> None:
        """Remove what only a running platform needs; logs stay."""
        self.state_file.unlink(missing_ok=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def prepare(self) -> None:
        """Make room for a new platform, under the lock: fresh logs, an empty run folder, no state."""
        self.forget()
        for old in self.log_dir.glob("*.log"):
            old.write_bytes(b"")  # emptied, not removed: the supervisor's is open already
        self.run_dir.mkdir(mode=0o700)

    @contextlib.contextmanager
    def lock(self) -> Iterator[bool]:
        """Whether we are the only supervisor. The kernel unlocks it however the holder ends."""
        with self._lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

"""What is being done to a node, in a file, so that a run after one that was killed knows where it came from."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tinyllama.domain.node import NodeState
from tinyllama.domain.resize import Goal, ResizeError, Unfinished


class FileJournal:
    """`Journal`: one file a node. Another operator's machine has files of its own, and sees only the node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def unfinished(self, node_id: str) -> Unfinished | None:
        """The run that was cut off, if one was. Raises `ResizeError` for a file that cannot be read."""
        path = self._path(node_id)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return Unfinished(_goal(found["was"]), _goal(found["wanted"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResizeError(f"{path} cannot be read ({error}). Look at the node, then remove the file.") from error

    @contextlib.contextmanager
    def held(self, timeout_s: float, tell: Callable[[str], object]) -> Iterator[None]:
        """Let one run at a time change nodes, and wait for the one that does; the system lets go when a process ends.

        Killing `ansible-playbook` leaves its worker, which goes on: without this, the next run and it would take turns.
        Raises `ResizeError` when the other is still at work after that many seconds.
        """
        path = self._folder / "lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise ResizeError(f"{path} cannot be written ({error}); nothing was touched.") from error
        with file:
            if not _locked(file.fileno()):
                tell("another run is changing the node; waiting until it is done")
                _wait(path, file.fileno(), time.monotonic() + timeout_s)
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def begin(self, node_id: str, run: Unfinished) -> None:
        """Remember; a run that follows a cut-off one keeps its origin. Raises `ResizeError`."""
        path, text = self._path(node_id), json.dumps({"was": _told(run.was), "wanted": _told(run.wanted)})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(".new")
            aside.write_text(text, encoding="utf-8")
            aside.replace(path)
        except OSError as error:
            raise ResizeError(f"{path} cannot be written ({error}); nothing was touched.") from error

    def end(self, node_id: str) -> None:
        """Forget."""
        with contextlib.suppress(FileNotFoundError):
            self._path(node_id).unlink()

    def _path(self, node_id: str) -> Path:
        return self._folder / f"{node_id}.json"


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(path: Path, descriptor: int, end: float) -> None:
    while not _locked(descriptor):
        if time.monotonic() >= end:
            process = path.read_text(encoding="utf-8").strip()
            raise ResizeError(
                f"Another run is still changing the node (process {process}); nothing was touched. Let it finish, or "
                "end that process and run the same command again."
            )
        time.sleep(0.1)


def _goal(found: dict[str, str]) -> Goal:
    return Goal(found["instance_type"], NodeState(found["state"]))


def _told(goal: Goal) -> dict[str, str]:
    return {"instance_type": goal.instance_type, "state": goal.state.value}

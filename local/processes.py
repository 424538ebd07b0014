"""Child processes that cannot outlive us, and knowing a process again after its pid was reused."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
"""The project's folder, which holds the packages and `roles/`."""
_PR_SET_PDEATHSIG = 1
_SAME_S = 2.0  # the clock that start times are counted from is adjusted now and then
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process for good: pids are used again, a pid with its start time (s since the epoch) is not."""

    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The identity of a live process. Raises `psutil.NoSuchProcess`."""
        return cls(pid=pid, create_time=psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process while it lives; None once it ended, even when its pid was given to another."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < _SAME_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """What a part of the platform sees: our environment without the user's AWS settings, and `settings`.

    A profile, a shared credentials file or a proxy of the user's must neither leak into the local AWS nor change it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    fixed = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",  # a log that lags behind explains nothing
    }
    return {**kept, **fixed, **settings}


def _leash() -> Callable[[], None] | None:
    """What a child runs before its `exec`: the kernel shall kill it when its parent is gone.

    The kernel's own signal, because it covers programs that are not ours (redis-server) and cannot be
    missed by a busy event loop. It follows the *thread* that started the child, so only children of the
    main thread get one; and it exists on Linux only: elsewhere, `tl up` ends leftovers of a killed `tl`.
    """
    libc, parent = _LIBC, os.getpid()
    if libc is None or threading.current_thread() is not threading.main_thread():
        return None

    def hold() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return hold


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    leashed: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a child in `environment(env)`; stdout and stderr are appended to `log`.

    A leashed child dies with this process. One that is not is made to stay: it has a session of its own.
    """
    with (log or Path(os.devnull)).open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal shall reach only the parent, which then ends its children in order.
            process_group=0 if leashed else None,
            start_new_session=not leashed,
            preexec_fn=_leash() if leashed else None,  # noqa: PLW1509 -- one system call, resolved before the fork
        )


def end(child: subprocess.Popen[bytes], *, grace_s: float) -> int:
    """SIGTERM, then SIGKILL after the grace; returns the exit code."""
    if child.poll() is None:
        child.terminate()
        try:
            return child.wait(grace_s)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def end_all(found: Iterable[ProcessId], *, grace_s: float) -> None:
    """End processes that need not be our children, all at once; a pid that was reused is left alone."""
    processes = [process for one in found if (process := one.find())]
    for step in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            try:
                step(process)
            except psutil.NoSuchProcess:
                continue
        processes = psutil.wait_procs(processes, timeout=grace_s)[1]

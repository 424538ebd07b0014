"""Podman as far as we need it: containers that boot systemd, and that do not outlive us."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LABEL = "tinyllama"
RUN = (
    "--runtime=runc",
    "--systemd=always",
    "--privileged",
    "--ulimit=nofile=20000:20000",
    "--ulimit=nproc=4096:4096",
)
"""What a host that boots systemd is started with; runc and the limits are for restricted virtual machines."""
_TOOLS = ("podman", "runc", "nsenter", "xargs")
_REMOVE = 'podman ps --all --quiet --filter "label=$1" | xargs --no-run-if-empty podman rm --force --time 0'


class PodmanError(Exception):
    """Podman refused; the text says what, and what it wrote."""


def lacks() -> str:
    """What keeps this machine from running hosts in containers, and what to do about it; empty where nothing does."""
    if not sys.platform.startswith("linux"):
        return "systemd in a container needs Linux"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    if missing := [tool for tool in _TOOLS if shutil.which(tool, path=path) is None]:
        return f"missing: {', '.join(missing)}. On Debian or Ubuntu: apt-get install podman runc mmdebstrap"
    return "" if os.geteuid() == 0 else "a host that boots systemd needs root: run it with sudo"


def podman(*arguments: str) -> str:
    """Run it and return what it printed, without the last line break. Raises PodmanError."""
    done = subprocess.run(["podman", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PodmanError(f"podman {arguments[0]} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout.strip()


def exists(kind: str, name: str) -> bool:
    """Whether there is such an `image` or `container`."""
    return subprocess.run(["podman", kind, "exists", name], check=False).returncode == 0


def remove(label: str) -> None:
    """Take away every container with this label, running or not."""
    subprocess.run(["sh", "-c", _REMOVE, "sh", f"{LABEL}={label}"], stdout=subprocess.DEVNULL, check=False)


@contextmanager
def leash(label: str) -> Iterator[None]:
    """Containers with this label are gone when the context ends, and soon after this process does, however it ends.

    A container is no child of ours that the kernel could end with us. But it closes our end of a pipe, and at the other
    end a shell waits for just that.
    """
    command = ["sh", "-c", f"cat; {_REMOVE}", "sh", f"{LABEL}={label}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ):  # on leaving, it closes the pipe and waits
        yield

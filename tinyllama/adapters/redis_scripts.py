"""The Lua of the Redis queue, assembled from the files in `lua/`.

Each script starts with a header that names its keys and arguments; the functions that several of
them share stand in files of their own and are put in front.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tinyllama.domain.throttle import Allowance

JOBS, GROUP, WORKERS, DRAINING, DEAD = "jobs", "gpu", "workers", "node:draining", "dead"
"""Keys that exist once: the stream, its consumer group, the index of live workers, the closed door, dead letters."""
WOKEN, BOOTS = "node:woken", "boots"
"""When a node was last started (ms, until a worker is ready), and how long recent boots took (ms, newest first)."""

_LUA = Path(__file__).parent / "lua"
_PARTS = {
    "spend": ("throttle",),
    "admit": ("throttle", "ready", "entries", "sweep"),
    "withdraw": ("entries",),
    "cancel": ("entries", "ended"),
    "look": ("throttle", "ready"),
    "snapshot": ("ready",),
    "drain": ("entries", "sweep", "ended"),
    "busy": ("entries", "sweep"),
    "take": ("entries", "attempt"),
    "reclaim": ("entries", "attempt"),
    "renew": ("entries", "fence"),
    "settle": ("entries", "fence", "ended"),
    "give_back": ("entries", "fence"),
    "heartbeat": ("clock", "ready"),
    "retire": ("ready",),
    "woken": ("clock",),
}


@cache
def source(name: str) -> str:
    """The whole text of a script."""
    return "\n".join((_LUA / f"{part}.lua").read_text() for part in (*_PARTS[name], name))


@cache
def digest(name: str) -> str:
    """What EVALSHA calls the script."""
    return hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest()


class Link(Protocol):
    """What the API's side needs of Redis. Every method raises `QueueUnavailableError` when it is silent or refuses."""

    def run(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        """Run a script, given by its name here, in one round trip."""

    def ask(self, *words: str | int) -> Any:
        """Send any other command."""

    def wait_and_run(
        self, words: Sequence[str | int], wait_s: float, script: str, keys: Sequence[str], args: Sequence[str | int]
    ) -> Any:
        """Send a command that may block for `wait_s`, and a script to run right after it; returns its answer."""


class AsyncLink(Protocol):
    """What the worker's side needs of Redis. Every method raises `QueueUnavailableError`, caused by what went wrong."""

    async def run(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        """Run a script, given by its name here, in one round trip; many may be under way."""

    async def ask(self, *words: str | int) -> Any:
        """Send any other command that does not block."""

    async def wait_and_run(
        self, words: Sequence[str | int], wait_s: float, script: str, keys: Sequence[str], args: Sequence[str | int]
    ) -> Any:
        """Send a command that may block for `wait_s` and a script to run right after it, in one round trip.

        Returns the script's answer. Calls at the same time do not wait for one another.
        """

    async def close(self) -> None:
        """Let go of connections."""


def job_key(job_id: str) -> str:
    """Holds the job as JSON; gone means expired."""
    return f"job:{job_id}"


def state_key(job_id: str) -> str:
    """Holds what `GET /jobs/{id}` reads."""
    return f"state:{job_id}"


def ended_key(job_id: str) -> str:
    """Holds an element for a minute once a job has ended whose end somebody awaits."""
    return f"ended:{job_id}"


def throttle_key(sub: str, allowance: Allowance = Allowance.PROMPTS) -> str:
    """Holds one of a user's token buckets."""
    return f"throttle:{sub}" if allowance is Allowance.PROMPTS else f"throttle:{allowance}:{sub}"


def worker_key(name: str) -> str:
    """Holds a worker's last heartbeat as JSON."""
    return f"worker:{name}"

"""Whether the router is well, and where its alias goes back to when it is not (LAM-001, docs/adr/0008, 0061)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tinyllama.domain.alias import Route


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one request; `trouble` says why there was no answer."""

    status: int = 0
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    trouble: str = ""

    def __str__(self) -> str:
        """As the log has it: never the body."""
        return self.trouble or f"answered {self.status}"


def well(look: Look) -> bool:
    """Whether the router answered: an answer below 500, or a 5xx with our own body and request id.

    A sleeping node is 503 with our body, so the status alone says nothing.
    """
    if look.trouble:
        return False
    return look.status < 500 or (bool((look.headers or {}).get("x-request-id")) and _ours(look.body))


def _ours(body: bytes) -> bool:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(found.keys() & {"status", "error"})


def step_back(now: Route, versions: Collection[int]) -> Route | None:
    """Where a broken deploy goes back to: the version before the newest. None when the newest is not what is live.

    One step and no more: an outage that has nothing to do with the deploy must not walk through all versions.
    """
    older = [version for version in versions if version < now.version]
    newest = now.version == max(versions, default=0)
    return Route(max(older)) if newest and older else None

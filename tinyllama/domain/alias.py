"""A function's alias: which version it points to, where it goes back to, and which versions may go.

Versions of a Lambda function are numbers that only grow; `$LATEST` is none, since it changes under whoever calls it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tinyllama.domain.errors import TinyllamaError

PREVIOUS = "previous"


class AliasError(TinyllamaError):
    """The alias was not moved; `code` is AWS's where it said so. The message says what to do next."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Route:
    """Where an alias sends requests: to `version`, and a `share` (0 to below 1) of them to `canary` if there is one."""

    version: int
    canary: int | None = None
    share: float = 0.0

    def __str__(self) -> str:
        """As people say it: `3`, or `3 with 10 % to 4`."""
        return str(self.version) if self.canary is None else f"{self.version} with {self.share:.0%} to {self.canary}"


def choose(now: Route, versions: Collection[int], wanted: str, *, canary: int | None, share: float) -> Route:
    """The route that is asked for: `wanted` is a number or `previous`, the newest version before the one it has.

    Raises:
        AliasError: there is no such version, or the canary makes no sense.
    """
    there = ", ".join(str(version) for version in sorted(versions)) or "none"
    if wanted == PREVIOUS:
        older = [version for version in versions if version < now.version]
        if not older:
            raise AliasError(f"There is no version before {now.version} to go back to (versions: {there}).")
        target = max(older)
    elif wanted.isdecimal():
        target = int(wanted)
    else:
        raise AliasError(f"'{wanted}' is no version: give its number, or `previous` (versions: {there}).")
    for version in {target, canary} - {None}:
        if version not in versions:
            raise AliasError(f"There is no version {version} (versions: {there}); nothing was touched.")
    if canary is None:
        return Route(target)
    if canary == target or not 0 < share < 1:
        raise AliasError("A canary is another version than the alias's own, and gets a share between 0 and 1.")
    return Route(target, canary, share)


def to_prune(versions: Sequence[int], *, keep: int, used: Collection[int]) -> list[int]:
    """The versions that may go, oldest first: all but the `keep` newest, and never one that an alias points to."""
    old = sorted(versions)[: max(0, len(versions) - keep)]
    return [version for version in old if version not in used]

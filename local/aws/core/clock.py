"""Time as the local AWS sees it: the clock that everything reads, and how long things take to change state."""

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

Clock = Callable[[], datetime]
"""Answers the current time as an aware UTC datetime; tests hand in one that they move themselves."""


def system_clock() -> datetime:
    """Return the machine's time, in UTC."""
    return datetime.now(UTC)


class Delays(BaseModel):
    """Seconds that an instance spends in `pending` (boot_s), and in `stopping` or `shutting-down` (stop_s).

    `cache_s` is what an ElastiCache cluster spends in `creating` and in `deleting`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    boot_s: float = Field(default=5.0, ge=0, le=600)
    stop_s: float = Field(default=2.0, ge=0, le=600)
    cache_s: float = Field(default=2.0, ge=0, le=600)

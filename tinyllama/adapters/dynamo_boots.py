"""Boot times in DynamoDB: noted by the router when it starts a node, ended by the first worker that is ready."""

import contextlib
from collections.abc import Sequence

from tinyllama.adapters.dynamo_jobs import DynamoJobs
from tinyllama.adapters.dynamo_table import ConditionFailedError, Value, update
from tinyllama.domain.boots import BOOTS_KEPT, plausible

BOOTS = "boots"
"""Key of the item with `woken_at` (until a worker is ready) and `boots_ms` (newest first)."""


class DynamoBootTimes:
    """`BootTimes` on DynamoDB, by the clocks of whoever calls."""

    def __init__(self, jobs: DynamoJobs) -> None:
        self._jobs = jobs

    def begin(self) -> None:
        self._jobs.table.write(update(BOOTS, "SET woken_at=:now", {"now": self._jobs.now()}))

    def recent(self) -> Sequence[float]:
        return tuple(took / 1000 for took in self._jobs.table.get(BOOTS).get("boots_ms", ()))

    def end(self) -> None:
        """A worker has become ready: keep how long that took, if a start had been noted, and if nobody else has."""
        boots = self._jobs.table.get(BOOTS)
        if "woken_at" not in boots:
            return  # it was the worker that started anew, not the node
        took, known = self._jobs.now() - boots["woken_at"], boots.get("boots_ms", [])
        kept = [took, *known][:BOOTS_KEPT] if plausible(took / 1000) else known
        values: dict[str, Value] = {"seen": boots["woken_at"], "kept": kept}
        with contextlib.suppress(ConditionFailedError):
            self._jobs.table.write(update(BOOTS, "SET boots_ms=:kept REMOVE woken_at", values, when="woken_at = :seen"))

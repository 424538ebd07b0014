"""Jobs as DynamoDB items, as both sides of the SQS queue see them. The table decides; a message only says: look.

| key | attributes | life |
| --- | --- | --- |
| `door` | `open_jobs` (ids of jobs queued or in flight), `closed_until`, `ready_until`, `worker:{name}` | for ever |
| `job:{id}` | `body`: the job as JSON | until the job ends |
| `state:{id}` | `owner_sub`, `job_status`, `attempts`, `tries`, `queued_at`, `expires_at`, `lease_until`, ... | 1 h |
| `throttle:{sub}` | `credit_ms`, `credit_at` | 2 min |
| `boots` | `woken_at`, `boots_ms` | for ever |

Times are ms since the epoch by the caller's clock, but for `ttl_at`, which DynamoDB wants in s.
A job that has not ended is always in `open_jobs`: it enters and leaves in the transaction that begins and ends it.
"""

import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

from tinyllama.adapters.dynamo_table import (
    ConditionFailedError,
    DynamoTable,
    Item,
    Value,
    Write,
    check,
    delete,
    update,
)
from tinyllama.domain.jobs import STATE_TTL_S, JobStatus

DOOR = "door"
UNFINISHED = "job_status IN (:queued, :running)"
"""Of a state; needs `OPEN_STATUSES` among the values."""
OPEN_STATUSES: dict[str, Value] = {"queued": JobStatus.QUEUED.value, "running": JobStatus.RUNNING.value}


class Condition(NamedTuple):
    """A condition of a state, and its values."""

    when: str
    values: dict[str, Value]


def job_key(job_id: str) -> str:
    """Holds the job as JSON, until it ends."""
    return f"job:{job_id}"


def state_key(job_id: str) -> str:
    """Holds what `GET /jobs/{id}` reads, and the lease."""
    return f"state:{job_id}"


def worker_ready(door: Item, now: int) -> bool:
    """Whether a live, non-draining worker exists."""
    return bool(door.get("closed_until", 0) <= now < door.get("ready_until", 0))


def status_of(state: Item, now: int) -> JobStatus:
    """The status of a job: who has outlived its time is expired, whether or not somebody has noted it."""
    status = JobStatus(state["job_status"])
    return status if status.final or state["expires_at"] > now else JobStatus.EXPIRED


class DynamoJobs:
    """What both sides do with jobs. `clock` gives seconds since the epoch."""

    def __init__(self, table: DynamoTable, *, clock: Callable[[], float] = time.time) -> None:
        self.table = table
        self._clock = clock

    def now(self) -> int:
        """The time in ms."""
        return round(self._clock() * 1000)

    def door(self) -> Item:
        """The door as it is."""
        return self.table.get(DOOR)

    def end(
        self, job_id: str, status: JobStatus, condition: Condition, *, text: str = "", error: str | None = None
    ) -> None:
        """End a job in one step: its status, its place in the queue, and the prompt, which nobody needs any more.

        Raises:
            ConditionFailedError: with the state as it is; nothing has changed.
        """
        now = self.now()
        values: dict[str, Value] = {"status": status.value, "text": text, "none": "", "ttl": now // 1000 + STATE_TTL_S}
        change = "SET job_status=:status, reply_text=:text, partial_text=:none, ttl_at=:ttl"
        if error:
            change, values["error"] = f"{change}, error_code=:error", error
        ended = update(state_key(job_id), change, values | condition.values, when=condition.when)
        self.table.transact([ended, left(job_id), delete(job_key(job_id))])

    def expire(self, job_id: str) -> None:
        """Note that a job has outlived its time, unless something else became of it."""
        overdue = Condition(f"{UNFINISHED} AND expires_at <= :now", {**OPEN_STATUSES, "now": self.now()})
        with contextlib.suppress(ConditionFailedError):
            self.end(job_id, JobStatus.EXPIRED, overdue)

    def live(self, door: Item | None = None) -> dict[str, Item]:
        """The states of all jobs queued or in flight, by id; what is over leaves the queue on the way."""
        ids = sorted((self.door() if door is None else door).get("open_jobs", ()))
        states = self.table.get_all(map(state_key, ids)) if ids else {}
        alive, now = dict[str, Item](), self.now()
        for job_id in ids:
            state = states.get(state_key(job_id))
            if state is None or JobStatus(state["job_status"]).final:
                self._leave(job_id)
            elif status_of(state, now) is JobStatus.EXPIRED:
                self.expire(job_id)
            else:
                alive[job_id] = state
        return alive

    def _leave(self, job_id: str) -> None:
        # Proved in the same transaction: a job that is wrongly forgotten here could be left behind on a stopped node.
        over = check(state_key(job_id), OPEN_STATUSES, when=f"attribute_not_exists(pk) OR NOT {UNFINISHED}")
        with contextlib.suppress(ConditionFailedError):
            self.table.transact([over, left(job_id)])


def left(job_id: str) -> Write:
    """Take a job out of the queue; fine when it is not in it."""
    return update(DOOR, "DELETE open_jobs :id", {"id": {job_id}})

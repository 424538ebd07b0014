"""The API's side of the SQS queue: admission is one DynamoDB transaction and one message."""

import contextlib

from tinyllama.adapters.dynamo_jobs import (
    DOOR,
    OPEN_STATUSES,
    UNFINISHED,
    Condition,
    DynamoJobs,
    job_key,
    left,
    state_key,
    status_of,
    worker_ready,
)
from tinyllama.adapters.dynamo_table import ConditionFailedError, Item, Value, Write, delete, put, update
from tinyllama.adapters.dynamo_throttle import DynamoThrottle, throttle_key
from tinyllama.adapters.looking import look_until_ended
from tinyllama.adapters.sqs_messages import SqsMessages
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import Job, JobStatus, JobView
from tinyllama.domain.limits import DRAIN_TTL_S, QueueLimits
from tinyllama.domain.throttle import Allowance
from tinyllama.ports import Admission, AdmitCode, CancelCode, Look, QueueSnapshot

LOOK_EVERY_S = 0.25
"""While a request waits for a job's end: each look is two reads, a quarter of what a request costs."""
_TRIES = 10
_ROOM = "(attribute_not_exists(open_jobs) OR size(open_jobs) < :most)"
_READY = "ready_until > :now AND (attribute_not_exists(closed_until) OR closed_until <= :now)"


class SqsAdmissions:
    """`Admissions` on SQS and DynamoDB."""

    def __init__(self, jobs: DynamoJobs, messages: SqsMessages, limits: QueueLimits | None = None) -> None:
        self._jobs = jobs
        self._table = jobs.table
        self._messages = messages
        self._limits = limits or QueueLimits()
        self._throttle = DynamoThrottle(jobs.table)

    def admit(self, job: Job) -> Admission:
        # Bets on the usual case, a worker that is ready: then readiness is part of the transaction, and costs nothing.
        ready, key = True, throttle_key(job.sub, Allowance.PROMPTS)
        for _ in range(_TRIES):
            bet = self._throttle.bet(key, self._limits.throttle, self._jobs.now())
            if bet is None:
                return Admission(AdmitCode.RATE_LIMITED, worker_ready=False)
            token, bucket = bet
            try:
                self._table.transact([token, self._enter(job, ready=ready), *self._records(job)])
            except ConditionFailedError as lost:
                if lost.failed[0]:
                    self._throttle.learn(key, lost.items[0])
                if lost.failed[1]:
                    ready = self._learn(lost.items[1] or {})
                if lost.failed[1] and self._full(lost.items[1] or {}):
                    allowed = self.spend(job.sub, Allowance.PROMPTS)
                    return Admission(AdmitCode.QUEUE_FULL if allowed else AdmitCode.RATE_LIMITED, ready)
                continue
            self._throttle.remember(key, bucket)
            self._announce(job.id)
            return Admission(AdmitCode.ADMITTED, ready)
        raise QueueUnavailableError("dynamodb: the queue changes faster than a job can be admitted")

    def _enter(self, job: Job, *, ready: bool) -> Write:
        values: dict[str, Value] = {"id": {job.id}, "most": self._limits.max_queued}
        if not ready:
            return update(DOOR, "ADD open_jobs :id", values, when=_ROOM)
        return update(DOOR, "ADD open_jobs :id", values | {"now": self._jobs.now()}, when=f"{_ROOM} AND {_READY}")

    def _records(self, job: Job) -> list[Write]:
        now = self._jobs.now()
        ttl_at = now // 1000 + self._limits.state_ttl_s
        state: Item = {
            "pk": state_key(job.id),
            "owner_sub": job.sub,
            "job_status": JobStatus.QUEUED.value,
            "attempts": 0,
            "tries": 0,
            "queued_at": now,
            "expires_at": now + self._limits.job_ttl_s * 1000,
            "lease_until": 0,
            "ttl_at": ttl_at,
        }
        return [put({"pk": job_key(job.id), "body": job.to_json(), "ttl_at": ttl_at}), put(state)]

    def _learn(self, door: Item) -> bool:
        return worker_ready(door, self._jobs.now())

    def _full(self, door: Item) -> bool:
        # Sweeping is for the rare full queue only: it reads all of it.
        most = self._limits.max_queued
        return len(door.get("open_jobs", ())) >= most and len(self._jobs.live(door)) >= most

    def _announce(self, job_id: str) -> None:
        try:
            self._messages.send(job_id)
        except QueueUnavailableError:
            with contextlib.suppress(QueueUnavailableError):  # if even this fails: nobody waits for it, and it expires
                self.withdraw(job_id)
            raise

    def spend(self, sub: str, allowance: Allowance) -> bool:
        policy, key = self._limits.policy(allowance), throttle_key(sub, allowance)
        return self._throttle.spend(key, policy, self._jobs.now())

    def withdraw(self, job_id: str) -> None:
        # Its message stays: whoever receives it finds no job, and deletes it.
        self._table.transact([delete(state_key(job_id)), left(job_id), delete(job_key(job_id))])

    def look(self, job_id: str, sub: str, allowance: Allowance | None = None, *, wait_s: float = 0.0) -> Look:
        if allowance and not self.spend(sub, allowance):
            return Look(allowed=False)
        return look_until_ended(lambda: self._look(job_id, sub), wait_s, LOOK_EVERY_S)

    def _look(self, job_id: str, sub: str) -> Look:
        now = self._jobs.now()
        found = self._table.get_all([state_key(job_id), DOOR], now_s=now / 1000)
        state, ready = found.get(state_key(job_id), {}), worker_ready(found.get(DOOR, {}), now)
        if state.get("owner_sub") != sub:
            return Look(allowed=True, worker_ready=ready)
        return Look(allowed=True, view=_view(self._ended_if_over(job_id, state, now)), worker_ready=ready)

    def _ended_if_over(self, job_id: str, state: Item, now: int) -> Item:
        """The state. Before anybody is told that a job has expired, it has: a worker's clock may be behind ours."""
        if status_of(state, now).value == state["job_status"]:
            return state
        self._jobs.expire(job_id)
        return self._table.get(state_key(job_id)) or state

    def cancel(self, job_id: str, sub: str) -> CancelCode:
        now = self._jobs.now()
        try:
            self._jobs.end(job_id, JobStatus.CANCELLED, cancellable(sub, now))
        except ConditionFailedError as refused:
            state = refused.item or {}
            if state.get("owner_sub") != sub or state["ttl_at"] <= now / 1000:
                return CancelCode.NOT_FOUND
            status = self._ended_if_over(job_id, state, now)["job_status"]
            return CancelCode.CANCELLED if status == JobStatus.CANCELLED else CancelCode.ALREADY_FINISHED
        return CancelCode.CANCELLED

    def snapshot(self) -> QueueSnapshot:
        door = self._jobs.door()
        ready, depth = worker_ready(door, self._jobs.now()), len(door.get("open_jobs", ()))
        # Whoever sees a depth and no worker wakes the node: not for jobs that have expired.
        return QueueSnapshot(depth if ready or not depth else len(self._jobs.live(door)), ready)


def cancellable(sub: str, now: int) -> Condition:
    """That a job is `sub`'s, and not over."""
    when = f"owner_sub = :sub AND {UNFINISHED} AND expires_at > :now"
    return Condition(when, {**OPEN_STATUSES, "sub": sub, "now": now})


def _view(state: Item) -> JobView:
    status = JobStatus(state["job_status"])
    return JobView(
        status=status,
        text=state.get("reply_text") if status is JobStatus.DONE else None,
        partial=state.get("partial_text") or None if status is JobStatus.RUNNING else None,
        error=state.get("error_code"),
    )


class SqsDrainGate:
    """`DrainGate` on DynamoDB: the jobs and the closed door are one item, so that no admission slips in between."""

    def __init__(self, jobs: DynamoJobs) -> None:
        self._jobs = jobs

    def close(self, sub: str | None = None) -> bool:
        for _ in range(_TRIES):
            door = self._jobs.door()
            alive = self._jobs.live(door) if door.get("open_jobs") else {}
            if any(state["owner_sub"] != sub for state in alive.values()):
                return False
            if self._shut(set(alive)):
                for job_id in alive:
                    with contextlib.suppress(ConditionFailedError):  # it has just ended by itself
                        self._jobs.end(job_id, JobStatus.CANCELLED, cancellable(sub or "", self._jobs.now()))
                return True
        return False  # they keep coming

    def _shut(self, seen: set[str]) -> bool:
        values: dict[str, Value] = {"until": self._jobs.now() + DRAIN_TTL_S * 1000}
        if seen:
            values["seen"] = seen
        when = "open_jobs = :seen" if seen else "attribute_not_exists(open_jobs)"
        try:
            self._jobs.table.write(update(DOOR, "SET closed_until=:until", values, when=when))
        except ConditionFailedError:
            return False
        return True

    def busy(self, sub: str) -> bool:
        return any(state["owner_sub"] != sub for state in self._jobs.live().values())

    def open(self) -> None:
        self._jobs.table.write(update(DOOR, "REMOVE closed_until", {}))

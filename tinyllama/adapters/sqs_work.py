"""The worker's side of the SQS queue, one blocking call at a time: `sqs_dispatch` runs it in threads.

A message is a hint, the state in DynamoDB is the truth: it says who holds a job, until when, and by which attempt. The
message stays hidden for as long as the job is held, so whoever it is shown to next may take the job over.
"""

import time
from collections.abc import Iterable, Mapping

from tinyllama.adapters.dynamo_jobs import (
    OPEN_STATUSES,
    Condition,
    DynamoJobs,
    job_key,
    state_key,
    status_of,
)
from tinyllama.adapters.dynamo_table import ConditionFailedError, Item, Value, update
from tinyllama.adapters.sqs_messages import SqsMessages
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import Job, JobStatus
from tinyllama.domain.limits import DispatchLimits
from tinyllama.ports import Claim, Claims, DeadLetter, Outcome

_QUEUED = "job_status = :queued AND expires_at > :now"
_LAPSED = "job_status = :running AND expires_at > :now AND attempts = :seen AND lease_until = :lapsed"
_HELD = "job_status = :running AND expires_at > :now AND attempts = :attempt"
_TAKE = (
    "SET job_status=:running, attempts=attempts+:one, tries=tries+:one, partial_text=:none, "
    "lease_until=:lease, expires_at=:expires, ttl_at=:ttl"
)
_QUEUE_AGAIN = "SET job_status=:queued, queued_at=:now, lease_until=:zero, partial_text=:none"
_Taken = tuple[Item, Claim | DeadLetter]
_RUNNING: dict[str, Value] = {"running": JobStatus.RUNNING.value}


class SqsWork:
    """What a worker does with jobs."""

    def __init__(self, jobs: DynamoJobs, messages: SqsMessages, limits: DispatchLimits | None = None) -> None:
        self._jobs = jobs
        self._table = jobs.table
        self._messages = messages
        self._limits = limits or DispatchLimits()
        self._since = jobs.now()
        self._hidden_at: dict[str, float] = {}

    def receive(self, limit: int, *, wait_s: float) -> Claims:
        """Take as many jobs as SQS has messages for us, but the oldest ones: SQS keeps no order."""
        receipts = dict(self._messages.receive(limit, wait_s=wait_s, hidden_s=self._limits.lease_s))
        if not receipts:
            return Claims()
        door = self._jobs.door()
        if door.get("open_jobs", set()) <= receipts.keys():
            return _claims(self._examine_each(receipts, receipts))
        queued = {i: state for i, state in self._jobs.live(door).items() if state["job_status"] == JobStatus.QUEUED}
        odd = [job_id for job_id in receipts if job_id not in queued]  # over, or in somebody's hands
        found = self._examine_each(odd, receipts)
        turn = sorted(queued, key=lambda job_id: int(queued[job_id]["queued_at"]))[: len(receipts) - len(found)]
        for job_id in receipts.keys() & queued.keys() - set(turn):
            self._messages.hide(receipts[job_id], 0)
        return _claims(found + self._examine_each(turn, receipts))

    def _examine_each(self, job_ids: Iterable[str], receipts: Mapping[str, str]) -> list[_Taken]:
        found: list[_Taken] = []
        for job_id in job_ids:
            try:
                taken = self._examine(job_id, receipts.get(job_id, ""))
            except QueueUnavailableError:
                if not found:
                    raise
                break  # what has been taken must be worked on; the other messages show up again
            found += [taken] if taken else []
        return found

    def sweep(self, limit: int) -> Claims:
        """Take over jobs whose lease ran out, and jobs whose message never came; note what has expired."""
        found: list[_Taken] = []
        for job_id, state in self._jobs.live().items():
            if len(found) == limit:
                break
            if self._forsaken(state):
                try:
                    taken = self._take(job_id, "", state)
                except ConditionFailedError:
                    continue
                found += [taken] if taken else []
        return _claims(found)

    def _forsaken(self, state: Item) -> bool:
        now = self._jobs.now()
        if state["job_status"] == JobStatus.RUNNING:
            return self._lease_left(state, now) <= 0
        # SQS is never that slow while somebody listens; so the message is lost, or was never sent.
        return bool(max(self._since, state["queued_at"]) <= now - 2000 * self._limits.lease_s)

    def _lease_left(self, state: Item, now: int) -> float:
        """Seconds. A lease that lasts longer than leases do was given by a clock that cannot be compared to ours."""
        left = (state["lease_until"] - now) / 1000
        return left if left <= 2 * self._limits.lease_s else 0.0

    def _examine(self, job_id: str, receipt: str) -> _Taken | None:
        state: Item | None = None
        for _ in range(3):
            try:
                return self._take(job_id, receipt, state)
            except ConditionFailedError as refused:
                state = refused.item
            now = self._jobs.now()
            status = status_of(state, now) if state else JobStatus.CANCELLED
            if status is JobStatus.EXPIRED:
                self._jobs.expire(job_id)
            if status.final:
                self._messages.delete(receipt)
                return None
            left_s = self._lease_left(state or {}, now)
            if left_s > 0:  # SQS delivers twice now and then
                self._messages.hide(receipt, left_s)
                return None
        return None

    def _take(self, job_id: str, receipt: str, state: Item | None) -> _Taken | None:
        """Begin an attempt at a job that is queued, or that is as `state` says. Raises `ConditionFailedError`."""
        lapsed = state is not None and state["job_status"] == JobStatus.RUNNING
        now, when = self._jobs.now(), _LAPSED if lapsed else _QUEUED
        values: dict[str, Value] = {**OPEN_STATUSES, **self._life(now), "now": now, "one": 1, "none": ""}
        if state is not None and lapsed:
            values |= {"seen": state["attempts"], "lapsed": state["lease_until"]}
            del values["queued"]
        taken = self._table.write(update(state_key(job_id), _TAKE, values, when=when), "ALL_NEW")
        body = self._table.get(job_key(job_id)).get("body")
        if body is None:
            return None  # it has been cancelled since
        claim = Claim(Job.from_json(body), taken["attempts"], receipt)
        if receipt:
            self._hidden_at[receipt] = time.monotonic()
        if taken["tries"] > self._limits.max_attempts:
            return taken, DeadLetter(claim, taken.get("last_reason", "worker_died"))
        return taken, claim

    def _life(self, now: int) -> dict[str, Value]:
        limits = self._limits
        return {
            "lease": now + round(limits.lease_s * 1000),
            "expires": now + limits.job_ttl_s * 1000,
            "ttl": now // 1000 + limits.state_ttl_s,
        }

    def renew(self, claim: Claim, partial: str) -> bool:
        """Renew the lease and publish the text; false when the claim was lost."""
        now = self._jobs.now()
        change, values = "SET lease_until=:lease, expires_at=:expires, ttl_at=:ttl", self._life(now)
        if partial:
            change, values["partial"] = f"{change}, partial_text=:partial", partial
        if self._write(claim, change, values) is None:
            self._hidden_at.pop(claim.receipt, None)
            return False
        self._keep_hidden(claim.receipt)
        return True

    def _keep_hidden(self, receipt: str) -> None:
        lease_s, now = self._limits.lease_s, time.monotonic()
        if receipt and now - self._hidden_at.get(receipt, 0.0) >= lease_s / 3:
            self._messages.hide(receipt, lease_s)
            self._hidden_at[receipt] = now

    def _write(self, claim: Claim, change: str, values: Mapping[str, Value], *, also: str = "") -> Item | None:
        """Change the state if the claim still holds the job, and `also`; None when not."""
        condition = self._held(claim)
        write = update(state_key(claim.job.id), change, {**values, **condition.values}, when=f"{condition.when}{also}")
        try:
            return self._table.write(write, "ALL_NEW")
        except ConditionFailedError:
            return None

    def _held(self, claim: Claim) -> Condition:
        return Condition(_HELD, {**_RUNNING, "now": self._jobs.now(), "attempt": claim.attempt})

    def settle(self, claim: Claim, outcome: Outcome) -> bool:
        """End the job; false when the claim was lost."""
        self._hidden_at.pop(claim.receipt, None)
        try:
            self._jobs.end(claim.job.id, outcome.status, self._held(claim), text=outcome.text, error=outcome.error)
        except ConditionFailedError:
            return False
        self._messages.delete(claim.receipt)
        if outcome.status is JobStatus.FAILED:
            self._messages.bury(claim.job.id, outcome.error or "")
        return True

    def give_back(self, claim: Claim, failure: str | None) -> JobStatus | None:
        """Queue the job again, unless its attempts are used up."""
        values: dict[str, Value] = {"queued": JobStatus.QUEUED.value, "zero": 0, "none": ""}
        if failure is None:
            if self._write(claim, f"{_QUEUE_AGAIN}, tries=tries-:one", {**values, "one": 1}) is None:
                return None
        elif (
            self._write(claim, _QUEUE_AGAIN, {**values, "most": self._limits.max_attempts}, also=" AND tries < :most")
            is None
        ):
            kept = self._write(claim, "SET last_reason=:reason", {"reason": failure})
            return None if kept is None else JobStatus.FAILED
        self._call_again(claim, at_once=failure is None)
        return JobStatus.QUEUED

    def _call_again(self, claim: Claim, *, at_once: bool) -> None:
        self._hidden_at.pop(claim.receipt, None)
        if claim.receipt and at_once:
            self._messages.hide(claim.receipt, 0)
            return
        # A new message goes behind the others, and has been received by nobody: the redrive policy counts from nought.
        try:
            self._messages.send(claim.job.id)
        except QueueUnavailableError:
            return  # the old one shows up by itself, at the latest when the lease would have ended
        self._messages.delete(claim.receipt)


def _claims(found: list[_Taken]) -> Claims:
    ordered = [taken for _, taken in sorted(found, key=lambda pair: pair[0]["queued_at"])]
    run = [each for each in ordered if isinstance(each, Claim)]
    return Claims(run, [each for each in ordered if isinstance(each, DeadLetter)])

"""How much, how long and how often, on the two sides of the queue."""

from dataclasses import dataclass

from tinyllama.domain.jobs import JOB_TTL_S, MAX_ATTEMPTS, STATE_TTL_S
from tinyllama.domain.throttle import INFER_POLICY, POLL_POLICY, Allowance, ThrottlePolicy

HEARTBEAT_TTL_S = 15
"""A worker that has been silent for this long does not count any more."""
DRAIN_TTL_S = 120
"""A door that was closed for a stop opens again after this, whatever became of the stop."""


def kept_s(job_ttl_s: int, state_ttl_s: int) -> int:
    """From the last sign of life on, how long to keep a job's state, so that nothing need be set when the job ends.

    Queued and then silent in a worker's hands a job lives twice its life more; then it is remembered for `state_ttl_s`.
    """
    return 2 * job_ttl_s + state_ttl_s


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many jobs may wait, how long they live (s), and how fast one user may send prompts and everything else."""

    max_queued: int = 100
    job_ttl_s: int = JOB_TTL_S
    state_ttl_s: int = STATE_TTL_S
    throttle: ThrottlePolicy = INFER_POLICY
    polls: ThrottlePolicy = POLL_POLICY

    @property
    def state_kept_s(self) -> int:
        """See `kept_s`."""
        return kept_s(self.job_ttl_s, self.state_ttl_s)

    def policy(self, allowance: Allowance) -> ThrottlePolicy:
        """How fast an allowance may be spent."""
        return self.throttle if allowance is Allowance.PROMPTS else self.polls


@dataclass(frozen=True, slots=True)
class DispatchLimits:
    """Lease and lives in s, and how often a job is tried."""

    lease_s: float = 15.0
    job_ttl_s: int = JOB_TTL_S
    state_ttl_s: int = STATE_TTL_S
    max_attempts: int = MAX_ATTEMPTS

    @property
    def state_kept_s(self) -> int:
        """See `kept_s`."""
        return kept_s(self.job_ttl_s, self.state_ttl_s)

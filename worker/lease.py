"""Keeps the node's lease for as long as there is progress; without it EventBridge Scheduler stops the node."""

import asyncio
import time
import traceback
from collections.abc import Callable

from tinyllama.domain.errors import LeaseError, NodeError
from tinyllama.domain.lease import LeasePolicy, missing_end, renewed_end
from tinyllama.ports import Leases
from worker.log import log
from worker.progress import Progress
from worker.settings import WorkerSettings


class LeaseKeeper:
    """Renews one node's lease. `started_at` is the node's boot, not the worker's; the clock gives seconds."""

    def __init__(
        self,
        leases: Leases,
        node_id: str,
        started_at: float,
        progress: Progress,
        *,
        policy: LeasePolicy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._leases = leases
        self._node_id = node_id
        self._started_at = started_at
        self._progress = progress
        self._policy = policy
        self._clock = clock

    def tick(self) -> None:
        """Look once and renew if it is time. Raises `LeaseError`."""
        now, ends_at = self._clock(), self._leases.ends_at(self._node_id)
        if ends_at is None:
            until: int | None = missing_end(now=now, booted_at=self._started_at, policy=self._policy)
        else:
            until = renewed_end(
                now=now,
                booted_at=self._started_at,
                ends_at=ends_at,
                progress_at=self._progress.at,
                policy=self._policy,
            )
        if until is None:
            return
        self._leases.grant(self._node_id, until)
        log("lease renewed" if ends_at else "lease missing, granted", left_s=round(until - now))


async def keep_lease(env: WorkerSettings, progress: Progress) -> None:
    """For ever: keep the lease of the node this runs on. What goes wrong is said once, and tried again."""
    if not env.lease_role_arn:
        log("no lease to keep", message="LEASE_ROLE_ARN is not set, as it should be on EC2")
        return
    keeper: LeaseKeeper | None = None
    said = ""
    while True:
        trouble = ""
        try:
            if keeper is None:
                keeper = await asyncio.to_thread(_keeper, env, progress)
            await asyncio.to_thread(keeper.tick)
        except (LeaseError, NodeError) as error:
            trouble = str(error)
        except Exception:  # noqa: BLE001 -- a bug here must not cost a job: unrenewed, the node stops in time
            trouble = traceback.format_exc()
        if trouble not in {"", said}:
            log("lease not renewed", message=trouble)
        said = trouble
        await asyncio.sleep(env.lease_check_s)


def _keeper(env: WorkerSettings, progress: Progress) -> LeaseKeeper:
    # Imported here: a worker outside EC2 needs neither.
    from tinyllama.adapters import imds, scheduler_leases  # noqa: PLC0415

    host = imds.identity()
    client = scheduler_leases.connect(region=host.region)
    leases = scheduler_leases.SchedulerLeases(client, env.lease_role_arn, env.lease_group)
    return LeaseKeeper(leases, host.instance_id, host.started_at, progress, policy=env.lease_policy)

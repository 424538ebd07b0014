"""What only the Redis queue has: a delivery that was not taken, and a pending list that many workers share."""

import asyncio
from dataclasses import replace
from typing import Any

from local.redis_server import RedisServer
from tests.contract.worlds import real_world
from tests.factories import job
from tinyllama.adapters.redis_scripts import GROUP, JOBS, WORKERS, state_key
from tinyllama.domain.jobs import JOB_TTL_S, STATE_TTL_S, JobStatus
from tinyllama.domain.limits import HEARTBEAT_TTL_S
from tinyllama.ports import Heartbeat, Outcome


async def test_a_job_that_was_delivered_to_a_worker_and_not_taken_is_taken_by_its_next_claim(
    redis_server: RedisServer,
) -> None:
    async with real_world(redis_server) as world:
        dispatch, lost, next_one = world.dispatch("me"), job(), job()
        await dispatch.open()
        world.admissions().admit(lost)
        world.client.xreadgroup(GROUP, "me", {JOBS: ">"})  # and then the connection broke
        world.admissions().admit(next_one)
        claims = await dispatch.claim(5, wait_s=0)
        assert [claim.job.id for claim in claims.run] == [lost.id, next_one.id]


async def test_a_worker_that_starts_anew_under_its_old_name_leaves_running_jobs_to_their_lease(
    redis_server: RedisServer,
) -> None:
    async with real_world(redis_server) as world:
        asked, before = job(), world.dispatch("me")
        world.admissions().admit(asked)
        await before.open()
        [claim] = (await before.claim(5, wait_s=0)).run
        again = world.dispatch("me")
        await world.lapse_leases()
        assert not await again.claim(5, wait_s=0), "it may be running still"
        pending: Any = world.client.xpending_range(JOBS, GROUP, "-", "+", 1)
        assert pending[0]["time_since_delivered"] > 1_000, "and looking at it renewed no lease"
        [taken] = (await again.reclaim(5)).run
        assert (taken.job, taken.attempt) == (asked, claim.attempt + 1)


async def test_a_silent_job_is_found_behind_many_that_are_alive(redis_server: RedisServer) -> None:
    async with real_world(redis_server) as world:
        busy, heir = world.dispatch("busy"), world.dispatch("heir")
        await busy.open()
        for _ in range(60):
            world.admissions().admit(job())
        claims = (await busy.claim(60, wait_s=0)).run
        await world.lapse_leases()
        await busy.renew([(claim, "") for claim in claims[:-1]])
        [found] = (await heir.reclaim(1)).run
        assert found.job == claims[-1].job


async def test_many_jobs_end_at_once_and_each_is_told_its_own_fate(redis_server: RedisServer) -> None:
    async with real_world(redis_server) as world:
        dispatch = world.dispatch()
        await dispatch.open()
        for _ in range(30):
            world.admissions().admit(job())
        claims = (await dispatch.claim(30, wait_s=0)).run
        cancelled = {claim.job.id for claim in claims[::3]}
        for job_id in cancelled:
            world.admissions().cancel(job_id, claims[0].job.sub)
        settled = await asyncio.gather(
            *(dispatch.settle(claim, Outcome(JobStatus.DONE, claim.job.prompt)) for claim in claims)
        )
        assert settled == [claim.job.id not in cancelled for claim in claims]
        for claim in claims:
            view = world.admissions().look(claim.job.id, claim.job.sub).view
            assert view is not None
            expected = (JobStatus.CANCELLED, None) if claim.job.id in cancelled else (JobStatus.DONE, claim.job.prompt)
            assert (view.status, view.text) == expected


async def test_the_index_of_ready_workers_lives_as_long_as_the_last_of_them(redis_server: RedisServer) -> None:
    async with real_world(redis_server) as world:
        one, other = (Heartbeat(name, "m", slots=2, busy=0, ready=True) for name in ("one", "other"))
        dispatch = world.dispatch()
        await dispatch.announce(one)
        world.client.zincrby(WORKERS, -10_000, "one")  # ten seconds ago
        await dispatch.announce(other)
        await dispatch.retire("other")
        left_ms: Any = world.client.pttl(WORKERS)
        assert 0 < left_ms <= (HEARTBEAT_TTL_S - 10) * 1000
        assert world.admissions().snapshot().worker_ready
        await dispatch.announce(replace(one, ready=False))
        assert not world.admissions().snapshot().worker_ready


async def test_a_job_is_remembered_for_an_hour_after_its_end_however_late_that_comes(
    redis_server: RedisServer,
) -> None:
    async with real_world(redis_server) as world:
        asked, dispatch, longest_s = job(), world.dispatch(), 2 * JOB_TTL_S  # queued, then silent in a worker's hands

        def left_s() -> int:
            left: Any = world.client.ttl(state_key(asked.id))
            return int(left)

        world.admissions().admit(asked)
        [claim] = (await dispatch.claim(1, wait_s=0)).run
        await dispatch.renew([(claim, "half a word")])
        assert left_s() > STATE_TTL_S + longest_s - 5
        world.client.expire(state_key(asked.id), left_s() - longest_s)
        await dispatch.settle(claim, Outcome(JobStatus.DONE, "at last"))
        assert left_s() > STATE_TTL_S - 10

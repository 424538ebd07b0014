"""The bucket in Lua and the one in Python never differ by a unit."""

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.redis_server import RedisServer
from tinyllama.adapters.redis_scripts import source
from tinyllama.domain.throttle import INFER_POLICY, POLL_POLICY, Bucket, ThrottlePolicy, spend

# The clock of the script is replaced by an argument: Redis gives scripts no other way to another time.
_AT = "local function now_ms() return tonumber(ARGV[3]) end\n\n"


def lua_at_given_times() -> str:
    """`spend.lua`, reading its time from ARGV[3] and returning the bucket too."""
    text = source("spend")
    start, end = text.index("local function now_ms"), text.index("local function minute")
    return text[:start] + _AT + text[end:]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    policy=st.builds(ThrottlePolicy, st.integers(1, 8), st.integers(1, 5_000)),
    times=st.lists(st.integers(1_700_000_000_000, 1_700_000_100_000), min_size=1, max_size=20),
)
def test_lua_and_python_agree_on_every_series_of_requests(
    redis_server: RedisServer, policy: ThrottlePolicy, times: list[int]
) -> None:
    with redis.Redis(port=redis_server.port, decode_responses=True) as client:
        client.flushall()
        script = client.register_script(lua_at_given_times())
        bucket: Bucket | None = None
        for now in times:
            bucket, allowed = spend(bucket, policy, now)
            answer = script(["throttle:x"], [policy.burst, policy.interval_ms, now])
            stored = client.hgetall("throttle:x")
            assert (bool(answer), int(stored["credit"]), int(stored["at"])) == (allowed, bucket.credit, bucket.at)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(st.integers(0, 90_000), min_size=1, max_size=10))
def test_a_bucket_outlives_its_last_use_by_a_minute_in_which_it_fills_up(
    redis_server: RedisServer, steps: list[int]
) -> None:
    policies = (INFER_POLICY, POLL_POLICY)
    assert all(policy.capacity_ms < 60_000 for policy in policies), "or it would be forgotten before it is full"
    now, forgotten_at = 1_700_000_000_000, 0
    with redis.Redis(port=redis_server.port, decode_responses=True) as client:
        client.flushall()
        script = client.register_script(lua_at_given_times())
        for step in steps:
            now += step
            if now >= forgotten_at:
                client.delete("throttle:x")  # as Redis would have done by then
            else:
                client.persist("throttle:x")  # to see whether the script sets a new life
            script(["throttle:x"], [60, 100, now])
            if client.ttl("throttle:x") > 0:
                forgotten_at = now + 120_000
            assert forgotten_at - now >= 60_000

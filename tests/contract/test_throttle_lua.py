"""The bucket in Lua and the one in Python never differ by a unit."""

import time

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.redis_server import RedisServer
from tinyllama.adapters.redis_scripts import source
from tinyllama.domain.throttle import Bucket, ThrottlePolicy, spend

# Time cannot be stepped in Redis, so what is left of the key's life is an argument, and the new life is returned.
_OTHER_WORDS = {"redis.call('PTTL', key)": "ARGV[3]", "return true": "return lack", " and 1 or 0": ""}
SLOWEST_MS = 1_000
"""More than a script and the look at what it has set ever take."""


def lua_with_a_life_of_ours() -> str:
    """`spend.lua`, reading the bucket's life from ARGV[3] and returning the new one, or nothing when it refuses."""
    text = source("spend")
    for words, others in _OTHER_WORDS.items():
        assert text.count(words) == 1
        text = text.replace(words, others)
    return text


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    policy=st.builds(ThrottlePolicy, st.integers(1, 8), st.integers(1, 5_000)),
    steps=st.lists(st.integers(0, 20_000), min_size=1, max_size=20),
)
def test_lua_and_python_agree_on_every_series_of_requests(
    redis_server: RedisServer, policy: ThrottlePolicy, steps: list[int]
) -> None:
    now, lack, bucket = 1_700_000_000_000, 0, Bucket(policy.capacity_ms, 1_700_000_000_000)
    with redis.Redis(port=redis_server.port, decode_responses=True) as client:
        client.flushall()
        script = client.register_script(lua_with_a_life_of_ours())
        for step in steps:
            now, lack = now + step, max(0, lack - step)
            bucket, allowed = spend(bucket, policy, now)
            life = script(["throttle:x"], [policy.burst, policy.interval_ms, lack or -2])
            lack += policy.interval_ms if allowed else 0
            assert lack == policy.capacity_ms - bucket.credit
            assert life == lack if allowed else life is None


def test_redis_fills_a_bucket_and_forgets_a_full_one(redis_server: RedisServer) -> None:
    with redis.Redis(port=redis_server.port, decode_responses=True) as client:
        client.flushall()
        script = client.register_script(source("spend"))
        answers = [script(["throttle:x"], [2, SLOWEST_MS]) for _ in range(3)]
        assert answers == [1, 1, 0]
        assert SLOWEST_MS < client.pttl("throttle:x") <= 2 * SLOWEST_MS
        time.sleep((client.pttl("throttle:x") - SLOWEST_MS + 50) / 1000)
        assert [script(["throttle:x"], [2, SLOWEST_MS]) for _ in range(2)] == [1, 0], "one token has come back"
        client.pexpire("throttle:x", 1)
        time.sleep(0.05)
        assert not client.exists("throttle:x")

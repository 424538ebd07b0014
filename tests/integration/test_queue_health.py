"""The probe against the real redis-server."""

from local.redis_server import RedisServer
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.adapters.redis_probe import RedisProbe
from tinyllama.domain.queue_health import judge


def test_a_real_redis_is_well_and_its_doctor_speaks(redis_server: RedisServer) -> None:
    health = judge(RedisProbe(RedisLink("127.0.0.1", redis_server.port, timeout_s=1)).measure())
    assert health.ok
    assert 0 <= health.body["latencyMs"] < 200
    assert "Dave" in health.doctor


def test_a_redis_that_hangs_is_given_the_timeout_and_no_more() -> None:
    with RedisServer() as server:
        probe = RedisProbe(RedisLink("127.0.0.1", server.port, timeout_s=0.1))
        assert judge(probe.measure()).ok
        server.pause()
        health = judge(probe.measure())
        assert health.body["error"].startswith("TimeoutError")

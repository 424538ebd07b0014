"""The embedded redis-server: what other tests rely on when they hurt it."""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.redis_server import RedisServer, RedisStartError


def connect(server: RedisServer, timeout_s: float = 2.0) -> "redis.Redis":
    return redis.Redis(
        host=server.host,
        port=server.port,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def test_it_is_the_engine_version_of_elasticache_and_keeps_nothing_on_disk() -> None:
    with RedisServer() as server, connect(server) as client:
        info: dict[str, str] = client.info("server")
        assert info["redis_version"].startswith("6.2.")
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_it_comes_back_empty_on_the_same_port() -> None:
    with RedisServer() as server:
        before = server.port
        with connect(server) as client:
            client.set("a", "1")
        server.restart()
        with connect(server) as client:
            assert client.get("a") is None
        assert server.port == before


def test_a_killed_server_refuses_connections() -> None:
    with RedisServer() as server:
        server.kill()
        with connect(server) as client, pytest.raises(redis.ConnectionError):
            client.ping()


def test_a_paused_server_lets_callers_wait_and_then_goes_on() -> None:
    with RedisServer() as server, connect(server, timeout_s=0.05) as client:
        client.ping()
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        with connect(server) as patient:
            assert patient.ping()


def test_a_paused_server_can_be_stopped() -> None:
    server = RedisServer().start()
    process = server.process
    server.pause()
    server.stop()
    assert process.returncode is not None


def test_a_taken_port_is_named() -> None:
    with RedisServer() as first, pytest.raises(RedisStartError, match=f"port {first.port} in use"):
        RedisServer(port=first.port).start()


def test_a_free_port_that_is_taken_in_between_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with RedisServer() as first, RedisServer() as spare:
        spare.kill()
        ports = iter([first.port, spare.port])
        monkeypatch.setattr("local.redis_server.free_port", lambda: next(ports))
        with RedisServer() as second:
            assert second.port == spare.port

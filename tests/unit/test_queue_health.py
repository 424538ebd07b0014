"""`GET /queue-health`: who may ask, and what counts as well."""

import json
from itertools import count
from typing import Any

import fakeredis
import pytest

from lambdas.queue_health import handler
from lambdas.queue_health.settings import QueueHealthSettings
from tests.links import ClientLink
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.adapters.redis_probe import RedisProbe
from tinyllama.domain.errors import SettingsError
from tinyllama.domain.queue_health import Measurement, allowed_source, judge

CIDRS = "10.20.0.0/22, 2001:db8:1234::/56"


class Doctored(ClientLink):
    """fakeredis, which knows no `LATENCY DOCTOR`."""

    def __init__(self) -> None:
        super().__init__(fakeredis.FakeRedis(decode_responses=True))

    def ask(self, *words: str | int) -> Any:
        return "Dave, no latency spike was observed" if words == ("LATENCY", "DOCTOR") else super().ask(*words)


def probe(round_trip_s: float) -> RedisProbe:
    """A probe of a Redis that answers after so many seconds, by its clock."""
    ticks = (number * round_trip_s for number in count())
    return RedisProbe(Doctored(), clock=lambda: next(ticks))


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    def call(round_trip_s: float = 0.001, source: str = "10.20.1.5") -> tuple[int, dict[str, Any]]:
        env = QueueHealthSettings(redis_host="127.0.0.1", allowed_cidrs=CIDRS)
        monkeypatch.setattr(handler, "settings", lambda: env)
        monkeypatch.setattr(handler, "probe", lambda: probe(round_trip_s))
        http = {"method": "GET", "path": "/queue-health", "sourceIp": source}
        event = {"rawPath": "/queue-health", "headers": {}, "requestContext": {"requestId": "r", "http": http}}
        answer = handler.lambda_handler(event)
        assert answer["headers"]["x-request-id"] == "r"
        return answer["statusCode"], json.loads(answer["body"])

    return call


def test_a_quick_redis_is_ok_with_its_latency(ask: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(0.0123) == (200, {"redis": "ok", "latencyMs": 12.3})
    assert "no latency spike" in json.loads(capsys.readouterr().out)["doctor"]


def test_a_redis_that_takes_300_ms_is_503(ask: Any) -> None:
    assert ask(0.3) == (503, {"redis": "fail", "error": "slow: 300.0 ms, 200 ms are allowed"})


def test_a_redis_that_is_not_there_is_503_with_the_error() -> None:
    gone = RedisProbe(RedisLink("127.0.0.1", 9))
    health = judge(gone.measure())
    assert not health.ok
    assert health.body["error"].startswith("ConnectionRefusedError")


@pytest.mark.parametrize("latency", [0.0, 199.9])
def test_up_to_200_ms_are_well(latency: float) -> None:
    assert judge(Measurement(latency)).ok
    assert not judge(Measurement(latency + 200)).ok


@pytest.mark.parametrize("source", ["10.20.0.0", "10.20.3.255", "2001:db8:1234::1", "::ffff:10.20.1.1"])
def test_callers_inside_the_vpc_may_ask(ask: Any, source: str) -> None:
    assert ask(source=source)[0] == 200


@pytest.mark.parametrize(
    "source", ["10.20.4.0", "10.19.255.255", "203.0.113.9", "2001:db8:1235::1", "::ffff:203.0.113.9", "", "localhost"]
)
def test_everybody_else_is_refused_and_redis_is_not_asked(
    ask: Any, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(source=source) == (403, {"error": "forbidden"})


def test_a_header_cannot_lend_an_address() -> None:
    assert not allowed_source("203.0.113.9, 10.20.1.5", CIDRS)


def test_a_bad_block_is_named_at_the_start() -> None:
    with pytest.raises(SettingsError, match="ALLOWED_CIDRS"):
        QueueHealthSettings.from_env({"REDIS_HOST": "x", "ALLOWED_CIDRS": "10.20.0.0/99"})

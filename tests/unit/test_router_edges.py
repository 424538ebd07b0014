"""What a request meets at the edge of the router: one round trip, the switch, a large body, a queue that is away."""

import base64
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import fakeredis
import pytest

from lambdas.router import handler, routes, wiring
from tests.links import ClientLink
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet
from tinyllama.adapters.memory_throttle import MemoryThrottle
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.jobs import JobStatus, JobView
from tinyllama.domain.throttle import POLL_POLICY
from tinyllama.ports import Look

GOOD = json.dumps({"prompt": "hello", "idle": 5})
JOB = "/jobs/00000000-0000-4000-8000-000000000000"


class CountedLink(ClientLink):
    """A fakeredis with a live worker, which notes every call."""

    def __init__(self) -> None:
        store = fakeredis.FakeRedis(version=(6, 2), decode_responses=True)
        store.flushall()
        super().__init__(store)
        self.calls: list[str] = []
        self.away = False

    def run(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        self.calls.append(script)
        return super().run(script, keys, args)

    def ask(self, *words: str | int) -> Any:
        if self.away:
            raise QueueUnavailableError("TimeoutError: timed out")
        return super().ask(*words)


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> CountedLink:
    """The router on that Redis; whatever else it may want is not there."""
    link = CountedLink()
    waker = SimpleNamespace(wake=lambda *_, **__: 90, look=pytest.fail)
    out = SimpleNamespace(
        tokens=CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set)),
        queue=RedisAdmissions(link),
        waker=waker,
        fallback=MemoryThrottle(clock=lambda: 50.0),
        reply_bucket="replies",
    )
    monkeypatch.setattr(wiring, "settings", lambda: SimpleNamespace(tl_disable_lam_router=False))
    monkeypatch.setattr(wiring, "adapters", lambda: out)
    return link


def call(
    method: str,
    path: str,
    body: str | None = None,
    *,
    encoded: bool = False,
    sub: str = "sub-alice",
    query: dict[str, str] | None = None,
) -> Any:
    answer = handler.lambda_handler(
        {
            "rawPath": path,
            **({"queryStringParameters": query} if query else {}),
            "headers": {"authorization": f"Bearer {token(sub=sub)}"},
            "requestContext": {"requestId": "r", "http": {"method": method, "path": path}},
            "body": body,
            "isBase64Encoded": encoded,
        }
    )
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "script"),
    [
        ("POST", "/infer", GOOD, 202, "admit"),
        ("POST", "/infer", "{", 400, "spend"),
        ("GET", JOB, None, 404, "look"),
        ("GET", "/jobs/none", None, 404, "spend"),
        ("DELETE", "/jobs/none", None, 404, "spend"),
    ],
)
def test_a_request_is_throttled_in_the_one_call_that_serves_it(
    link: CountedLink, method: str, path: str, body: str | None, status: int, script: str
) -> None:
    assert call(method, path, body)[0] == status
    assert link.calls == [script]


def test_the_call_that_refuses_the_sixth_prompt_is_the_one_that_would_have_admitted_it(link: CountedLink) -> None:
    assert [call("POST", "/infer", GOOD)[0] for _ in range(6)] == [202] * 5 + [429]
    assert link.calls == ["admit"] * 6
    assert call("POST", "/infer", GOOD, sub="sub-bob")[0] == 202, "each user has a bucket of their own"


def test_what_is_refused_for_its_token_spends_nothing_and_asks_nobody(link: CountedLink) -> None:
    event = {"rawPath": "/infer", "requestContext": {"requestId": "r", "http": {"method": "POST"}}, "body": GOOD}
    for value in ({}, {"authorization": "Bearer x.y.z"}):
        assert handler.lambda_handler({**event, "headers": value})["statusCode"] in {401, 403}
    assert link.calls == []


def test_while_redis_is_away_the_container_has_a_bucket_for_prompts_and_a_looser_one_for_polls(
    link: CountedLink, capsys: pytest.CaptureFixture[str]
) -> None:
    link.away = True
    assert [call("POST", "/infer", GOOD)[0] for _ in range(7)] == [503] * 5 + [429] * 2
    polls = [call("GET", JOB)[0] for _ in range(POLL_POLICY.burst + 1)]
    assert polls == [503] * POLL_POLICY.burst + [429]
    assert call("POST", "/infer", GOOD, sub="sub-bob")[0] == 503
    assert call("POST", "/infer", "{")[0] == 429, "bad bodies spend here too"
    assert capsys.readouterr().out.count('"ApiRateLimitBreaches":1') == 4


@pytest.mark.parametrize(("method", "path"), [("POST", "/infer"), ("GET", "/health"), ("GET", "/x"), ("PUT", "/infer")])
def test_switched_off_it_says_so_before_anything_is_built_or_looked_at(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(wiring, "settings", lambda: SimpleNamespace(tl_disable_lam_router=True))
    monkeypatch.setattr(wiring, "adapters", lambda: pytest.fail("nothing is needed for that"))
    assert call(method, path, GOOD) == (503, {"error": "router_disabled"})


@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_of_more_than_ten_kilobytes_is_refused_unread(
    link: CountedLink, monkeypatch: pytest.MonkeyPatch, encoded: bool
) -> None:
    monkeypatch.setattr(routes, "parse_infer", lambda _: pytest.fail("it was parsed"))
    body = GOOD + " " * (10_241 - len(GOOD))
    sent = base64.b64encode(body.encode()).decode() if encoded else body
    status, answer = call("POST", "/infer", sent, encoded=encoded)
    assert (status, answer["fields"][0]["code"]) == (400, "too_large")


@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_of_exactly_that_is_read_and_its_bytes_count_not_its_characters(
    link: CountedLink, encoded: bool
) -> None:
    for prompt, status in (("€" * 2_048, 202), ("€" * 2_049, 400)):
        body = json.dumps({"prompt": prompt, "idle": 5}, ensure_ascii=False).encode()
        body += b" " * (10_240 - len(body))
        sent = base64.b64encode(body).decode() if encoded else body.decode()
        assert call("POST", "/infer", sent, encoded=encoded)[0] == status


ODD = ["%", "A", "AA=A", "QQ\n==", "_-8=", "eyJw", base64.b64encode(b"\xff\xfe").decode()]


@pytest.mark.parametrize("sent", ODD)
def test_base64_that_is_none_or_holds_no_request_is_a_bad_body(link: CountedLink, sent: str) -> None:
    status, answer = call("POST", "/infer", sent, encoded=True)
    assert (status, answer["error"], answer["fields"][0]["field"]) == (400, "invalid_request", "body")


@pytest.mark.parametrize("wait", ["", "soon", "-1", "10.1", "1,2", "1_0", " 1", "nan", "1e999", "0x1"])
def test_a_wait_that_is_no_number_of_seconds_up_to_ten_is_refused_and_costs_a_token(
    link: CountedLink, wait: str
) -> None:
    status, body = call("GET", JOB, query={"wait": wait})
    assert (status, body["error"], [field["field"] for field in body["fields"]]) == (400, "invalid_request", ["wait"])
    assert link.calls == ["spend"]
    assert any(call("GET", JOB, query={"wait": wait})[0] == 429 for _ in range(3 * POLL_POLICY.burst))


@pytest.mark.parametrize(
    ("wait", "seconds"), [("0", 0), ("-0.0", 0), ("0.5", 0.5), ("1e-1", 0.1), ("10", 10), (None, 0)]
)
def test_a_wait_reaches_the_queue_as_seconds(monkeypatch: pytest.MonkeyPatch, wait: str | None, seconds: float) -> None:
    asked: list[float] = []

    def look(_job: str, _sub: str, _allowance: object, *, wait_s: float) -> Look:
        asked.append(wait_s)
        return Look(allowed=True, view=JobView(JobStatus.DONE, text="Hi"))

    out = SimpleNamespace(tokens=CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set)), queue=SimpleNamespace(look=look))
    monkeypatch.setattr(wiring, "settings", lambda: SimpleNamespace(tl_disable_lam_router=False))
    monkeypatch.setattr(wiring, "adapters", lambda: out)
    answer = call("GET", JOB, query={} if wait is None else {"wait": wait, "colour": "red"})
    assert answer == (200, {"status": "done", "text": "Hi"})
    assert asked == [seconds]

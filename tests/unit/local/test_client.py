"""The client, and `tl ask`, against an API whose answers the test writes down."""

import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from local import asking, client
from local.aws.account import Account
from local.client import POLL_S, SLOWEST_POLL_S, Client, NotRunningError, RefusedError, pause_s

ACCOUNT = Account(
    region="eu-central-1",
    instance_id="i-0",
    reply_bucket="replies",
    lease_role_arn="arn:aws:iam::123456789012:role/tinyllama-lease",
    user_pool_id="pool",
    client_id="client",
    issuer="https://issuer.test",
    jwks_url="https://issuer.test/keys",
    username="demo",
    password="password",
)
SIGNED_IN = (200, {"AuthenticationResult": {"IdToken": "token"}})
QUEUED = (202, {"status": "queued", "id": "1"})


class Api:
    """Gives its answers one after the other; an exception among them is raised."""

    def __init__(self, answers: Iterable[tuple[int, dict[str, Any]] | Exception]) -> None:
        self._answers = iter(answers)
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(f"{request.method} {request.url.path} {request.headers.get('authorization', '-')}")
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer[0], content=json.dumps(answer[1]), headers={"retry-after": "60"})


def talk_to(*answers: tuple[int, dict[str, Any]] | Exception) -> tuple[Client, Api]:
    api = Api(answers)
    one = Client("http://api.test", "http://aws.test", ACCOUNT)
    one._http = httpx.Client(transport=httpx.MockTransport(api))
    return one, api


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "POLL_S", 0.0)
    monkeypatch.setattr("local.client.time.sleep", lambda _: None)


def test_it_signs_in_once_and_again_when_the_hour_is_over() -> None:
    refused = (403, {"error": "invalid_token"})
    one, api = talk_to(SIGNED_IN, QUEUED, refused, SIGNED_IN, QUEUED)

    one.infer("a")
    one.infer("b")

    assert [line.split()[:2] for line in api.seen] == [
        ["POST", "/"],
        ["POST", "/infer"],
        ["POST", "/infer"],
        ["POST", "/"],
        ["POST", "/infer"],
    ]


def test_a_token_that_is_refused_at_once_is_not_tried_for_ever() -> None:
    one, _ = talk_to(SIGNED_IN, (403, {"error": "invalid_token"}))
    with pytest.raises(RefusedError, match="403 invalid_token"):
        one.infer("a")


@pytest.mark.parametrize(
    "away", [(503, {"error": "queue_unavailable"}), (429, {"error": "rate_limited"})], ids=["away", "asked too often"]
)
def test_following_a_job_survives_what_passes(away: tuple[int, dict[str, str]]) -> None:
    one, _ = talk_to(SIGNED_IN, (200, {"status": "queued"}), away, away, (200, {"status": "done", "text": "Hi"}))

    looks = list(one.follow("1", every_s=0))

    assert [(look.status, look.text) for look in looks] == [("queued", ""), ("done", "Hi")]


def test_an_api_that_is_gone_is_told_apart_from_one_that_refuses() -> None:
    one, _ = talk_to(httpx.ConnectError("refused"))
    with pytest.raises(NotRunningError):
        one.infer("a")


def test_a_sleeping_node_is_an_answer() -> None:
    one, _ = talk_to(SIGNED_IN, (503, {"status": "starting", "eta": 7}))
    assert one.health() == client.Health("starting", 7)


def test_cancelling_a_finished_job_is_no_error() -> None:
    one, _ = talk_to(SIGNED_IN, (409, {"error": "already_finished"}))
    assert one.cancel("1") is False


def test_ask_prints_what_is_new_and_starts_over_when_the_node_was_lost(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["", "One", "One two", "", "Uno"]
    looks = [(200, {"status": "running", "partial": text}) for text in texts]
    one, _ = talk_to(SIGNED_IN, QUEUED, *looks, (200, {"status": "done", "text": "Uno dos"}))

    asking.ask(one, "Count.", idle=5)

    told = capsys.readouterr()
    assert told.out == "One twoUno dos\n"
    assert "second attempt" in told.err


@pytest.mark.parametrize(
    ("answers", "code", "told"),
    [
        ([(429, {"error": "rate_limited"})], 4, "wait 60 s"),
        (
            [(503, {"error": "start_failed", "detail": "InsufficientInstanceCapacity"})],
            1,
            "InsufficientInstanceCapacity",
        ),
        ([httpx.ConnectError("refused")], 3, "tl up"),
        ([QUEUED, (200, {"status": "failed", "error": "engine_refused"})], 1, "engine_refused"),
    ],
)
def test_ask_says_what_to_do_when_it_cannot_have_an_answer(
    answers: list[Any], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one, _ = talk_to(SIGNED_IN, *answers)

    with pytest.raises(typer.Exit) as ended:
        asking.ask(one, "Hi", idle=5)

    assert ended.value.exit_code == code
    assert told in capsys.readouterr().err


def test_text_that_comes_fast_is_looked_at_as_often_as_one_can_read_along() -> None:
    assert pause_s(350, 1.0, shortest_s=POLL_S) == POLL_S


def test_text_that_comes_slowly_is_given_time_for_another_line() -> None:
    assert pause_s(150, 1.0, shortest_s=POLL_S) == 0.4


def test_a_job_without_text_is_looked_at_as_often_as_before() -> None:
    assert pause_s(0, 20.0, shortest_s=POLL_S) == POLL_S


@given(st.integers(0, 100_000), st.floats(0, 10_000), st.sampled_from([0.05, POLL_S, 3.0]))
def test_nobody_waits_longer_than_a_second_for_news_unless_he_asks_to(written: int, in_s: float, least: float) -> None:
    assert least <= pause_s(written, in_s, shortest_s=least) <= max(least, SLOWEST_POLL_S)

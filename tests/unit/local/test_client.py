"""The client, and `tl ask`, against an API whose answers the test writes down."""

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
import typer

from local import asking, client
from local.aws.account import Account
from local.client import Client, NotRunningError, RefusedError
from local.http_link import Answer, NoAnswerError
from tinyllama.domain.looks import HELD_S, SHORTEST_S

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
        self.before: Callable[[], None] = lambda: None
        self.seen: list[str] = []

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        assert (body is None) == ("content-type" not in headers)
        self.seen.append(f"{method} {path} {headers.get('authorization', '-')}")
        self.before()
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer[0], {"retry-after": "60"}, json.dumps(answer[1]).encode())


class Clock:
    """A `time` that passes only while somebody sleeps."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def talk_to(*answers: tuple[int, dict[str, Any]] | Exception) -> tuple[Client, Api]:
    api = Api(answers)
    one = Client("http://api.test", "http://aws.test/", ACCOUNT)
    one._api = one._aws = cast("Any", api)
    return one, api


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
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

    looks = list(one.follow("1"))

    assert [(look.status, look.text) for look in looks] == [("queued", ""), ("done", "Hi")]


def test_an_api_that_is_gone_is_told_apart_from_one_that_refuses() -> None:
    one, _ = talk_to(NoAnswerError("refused"))
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
        ([NoAnswerError("refused")], 3, "tl up"),
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


def test_a_text_that_breaks_off_ends_its_line_before_the_reason_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    one, _ = talk_to(SIGNED_IN, QUEUED, (200, {"status": "running", "partial": "Once"}), NoAnswerError("refused"))

    with pytest.raises(typer.Exit):
        asking.ask(one, "Hi", idle=5)

    told = capsys.readouterr()
    assert told.out == "Once\n"
    assert "refused" in told.err


def test_a_job_is_looked_at_in_an_even_beat_whatever_a_look_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("local.client.time", clock)
    running = (200, {"status": "running"})
    one, api = talk_to(SIGNED_IN, *[running] * 3, (200, {"status": "done", "text": "Hi"}))
    api.before = lambda: clock.sleep(0.04)
    one.sign_in()
    began = clock.now

    looks = [clock.now - began for _ in one.follow("1")]

    assert looks == pytest.approx([0.04, 0.24, 0.44, 0.64])


def test_while_its_text_is_written_the_api_waits_for_the_end_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("local.client.time", clock)
    texts = ["", "Hi", "Hi the"]
    one, api = talk_to(
        SIGNED_IN,
        *[(200, {"status": "running", "partial": text}) for text in texts],
        (200, {"status": "done", "text": "Hi there"}),
    )
    one.sign_in()
    held = iter([0.0, 0.0, HELD_S, 0.1])
    api.before = lambda: clock.sleep(next(held))
    began = clock.now

    looks = [clock.now - began for _ in one.follow("1")]

    assert looks == pytest.approx([0, SHORTEST_S, SHORTEST_S + HELD_S, SHORTEST_S + HELD_S + 0.1])
    paths = [line.split()[1] for line in api.seen[1:]]
    assert paths == ["/jobs/1", "/jobs/1", f"/jobs/1?wait={HELD_S:.3f}", f"/jobs/1?wait={HELD_S:.3f}"]


def test_an_api_that_does_not_wait_is_not_asked_any_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("local.client.time", clock)
    one, _ = talk_to(SIGNED_IN, *[(200, {"status": "running", "partial": "Hi"})] * 20, (200, {"status": "done"}))
    one.sign_in()
    began = clock.now

    assert len(list(one.follow("1"))) == 21
    assert clock.now - began == pytest.approx(19 * HELD_S)


def test_looks_that_take_too_long_are_not_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("local.client.time", clock)
    one, api = talk_to(SIGNED_IN, *[(200, {"status": "queued"})] * 2, (200, {"status": "done"}))
    one.sign_in()
    slow = iter([1.0, 0.0, 0.0])
    api.before = lambda: clock.sleep(next(slow))
    began = clock.now

    looks = [clock.now - began for _ in one.follow("1")]

    assert looks == pytest.approx([1.0, 1.0, 1.2])

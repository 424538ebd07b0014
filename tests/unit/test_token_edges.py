"""Tokens at the edge: to the second, many at once, and in every spelling of the header."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.router import handler, wiring
from local.gateway_event import Incoming, Route
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tests.unit.local.test_gateway_event import AT
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import EARLY_REREAD_S, KEYS_LIFE_S, RETRY_S, KeySet
from tinyllama.domain.errors import ApiError, ErrorCode

NOW = 1_800_000_000
LIVE = {"iat": NOW - 60, "exp": NOW + 3_600}


def accepted(now: float = NOW, **claims: Any) -> bool:
    """Whether a token with these claims passes at that second."""
    verifier = CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set), clock=lambda: now)
    try:
        return bool(verifier.verify(f"Bearer {token(**LIVE | claims)}").sub)
    except ApiError as error:
        if error.code is not ErrorCode.INVALID_TOKEN:
            raise
        return False


@pytest.mark.parametrize("now", [NOW, NOW + 0.999])
@pytest.mark.parametrize(
    ("claim", "seconds", "passes"),
    [
        ("exp", -29, True),
        ("exp", -31, False),
        ("iat", 30, True),
        ("iat", 32, False),
        ("nbf", 30, True),
        ("nbf", 32, False),
    ],
)
def test_thirty_seconds_are_forgiven_and_not_a_second_more(claim: str, seconds: int, passes: bool, now: float) -> None:
    assert accepted(now, **{claim: NOW + seconds}) is passes


def test_at_the_thirtieth_second_a_token_has_expired_and_one_from_the_future_begins() -> None:
    """RFC 7519, 4.1.4 and 4.1.5: before `exp`, and not before `nbf`."""
    assert not accepted(exp=NOW - 30)
    assert accepted(NOW - 0.001, exp=NOW - 30)
    for claim in ("iat", "nbf"):
        assert accepted(**{claim: NOW + 30})
        assert not accepted(NOW - 0.001, **{claim: NOW + 30})


class SlowSource:
    """A key set whose every fetch takes so long that whoever may ask meanwhile does."""

    def __init__(self) -> None:
        self.fetched, self.away, self.busy, self.asked = 0, False, False, threading.Event()

    def __call__(self) -> Mapping[str, Any]:
        self.fetched += 1
        self.busy = True
        self.asked.clear()
        self.asked.wait(0.05)  # in vain: nobody gets that far while one fetches
        self.busy = False
        if self.away:
            raise OSError("unreachable")
        return key_set()


class Crowd:
    """Many requests at the same moment, as the threads of one container."""

    def __init__(self) -> None:
        self.now, self.source = 1_000.0, SlowSource()
        self._verifier = CognitoVerifier(ISSUER, AUDIENCE, KeySet(self.source, self._time))

    def _time(self) -> float:
        if self.source.busy:
            self.source.asked.set()
        return self.now

    def ask(self, tokens: list[str]) -> set[str]:
        """Verify all at once; returns what was said."""
        together = threading.Barrier(len(tokens))

        def one(text: str) -> str:
            together.wait(10)
            try:
                return self._verifier.verify(f"Bearer {text}").sub
            except ApiError as error:
                return error.code.value

        with ThreadPoolExecutor(len(tokens)) as pool:
            return set(pool.map(one, tokens))


def test_a_crowd_of_forged_key_ids_causes_one_fetch_a_minute() -> None:
    crowd = Crowd()
    assert crowd.ask([token()] * 8) == {"sub-alice"}
    for minute in range(1, 4):
        crowd.now += EARLY_REREAD_S - 1
        crowd.ask([token(kid=f"forged-{number}") for number in range(8)])
        assert crowd.source.fetched == minute
        crowd.now += 1
        said = crowd.ask([token(kid=f"forged-{number}") for number in range(8)] + [token()])
        assert (said, crowd.source.fetched) == ({"invalid_token", "sub-alice"}, minute + 1)


def test_a_key_set_that_is_away_is_asked_for_once_by_a_crowd_and_the_old_one_serves_its_life() -> None:
    crowd = Crowd()
    assert crowd.ask([token()] * 8) == {"sub-alice"}
    crowd.source.away = True
    crowd.now += KEYS_LIFE_S - 1
    assert crowd.ask([token()] * 8) == {"sub-alice"}
    assert crowd.source.fetched == 1
    crowd.now += 1
    assert crowd.ask([token()] * 8) == {"keys_unavailable"}
    assert crowd.source.fetched == 2
    crowd.now += RETRY_S
    crowd.source.away = False
    assert crowd.ask([token()] * 8) == {"sub-alice"}
    assert crowd.source.fetched == 3


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that can do nothing but verify: an unknown job's 404 is where a good token gets to."""
    gone = SimpleNamespace(spend=lambda *_: True)
    tokens = CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set))
    monkeypatch.setattr(wiring, "settings", lambda: SimpleNamespace(tl_disable_lam_router=False))
    monkeypatch.setattr(wiring, "adapters", lambda: SimpleNamespace(tokens=tokens, queue=gone))


def status(*headers: tuple[str, str]) -> int:
    """The answer to `GET /jobs/x` with these headers, through the gateway's own making of the event."""
    request = Incoming("r", AT, "GET", "/jobs/x", "", "HTTP/1.1", headers, "127.0.0.1")
    answer = handler.lambda_handler(request.to_event(Route("GET", "/jobs/{id}", "h"), {"id": "x"}))
    found: int = answer["statusCode"]
    return found


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATIOn"])
def test_the_header_s_name_may_be_written_in_any_case(router: None, name: str) -> None:
    assert status((name, f"Bearer {token()}")) == 404


@pytest.mark.parametrize(
    "name", ["x-authorization", "proxy-authorization", "authorisation", "authorization ", "cookie"]
)
def test_a_token_in_any_other_header_is_none(router: None, name: str) -> None:
    assert status((name, f"Bearer {token()}")) == 401


def test_two_authorizations_are_never_one_whichever_is_good(router: None) -> None:
    good, bad = ("authorization", f"Bearer {token()}"), ("authorization", "Bearer x.y.z")
    assert [status(good, good), status(good, bad), status(bad, good)] == [403] * 3
    assert status(("authorization", "Basic eDp5"), good) == 401


SPACES = ["\t", "  ", "\n", "\r\n", "\v", "\f", "\u00a0", "\u2003", "\u3000", "\u200b", "%20", "+", "", ":", "="]


@pytest.mark.parametrize("space", SPACES)
def test_one_blank_stands_between_the_scheme_and_the_token_and_nothing_else(router: None, space: str) -> None:
    assert status(("authorization", f"Bearer{space}{token()}")) in {401, 403}
    assert status(("authorization", f"Bearer {space}{token()}")) == (404 if space == "" else 403)
    assert status(("authorization", f"Bearer {token()}{space}")) == (404 if space == "" else 403)
    assert status(("authorization", f"{space} Bearer {token()}")) == 401

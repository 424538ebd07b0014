"""Which tokens pass, and how often the key set is fetched."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.tokens import AUDIENCE, ISSUER, KID, key_set, token
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet
from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.ports import Principal


class Source:
    """A key set that counts how often it is fetched, and that can be away."""

    def __init__(self, *kids: str) -> None:
        self.kids, self.fetched, self.away = kids, 0, False

    def __call__(self) -> Mapping[str, Any]:
        self.fetched += 1
        if self.away:
            raise OSError("unreachable")
        return key_set(*self.kids)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def verifier(source: Source | None = None, clock: Clock | None = None) -> CognitoVerifier:
    return CognitoVerifier(ISSUER, AUDIENCE, KeySet(source or Source(), clock or Clock()))


def code(authorization: str | None, using: CognitoVerifier | None = None) -> ErrorCode:
    with pytest.raises(ApiError) as caught:
        (using or verifier()).verify(authorization)
    return caught.value.code


def test_a_valid_id_token_tells_who_is_calling() -> None:
    who = verifier().verify(f"Bearer {token(sub='sub-bob', groups=['admins'])}")
    assert who == Principal("sub-bob", frozenset({"admins"}))


def test_the_scheme_may_be_written_in_any_case() -> None:
    assert verifier().verify(f"bearer {token()}").sub == "sub-alice"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer\tabc", "Basic dXNlcjpwYXNz", "Token abc"]
)
def test_without_a_bearer_token_the_answer_is_missing_token(authorization: str | None) -> None:
    assert code(authorization) is ErrorCode.MISSING_TOKEN


def test_a_token_that_is_not_ours_is_invalid() -> None:
    now = int(time.time())
    good = token()
    head, body, signature = good.split(".")
    forged = {
        "not a token": "abc",
        "two words": f"{good} {good}",
        "tampered body": f"{head}.{body[:-2]}AA.{signature}",
        "tampered signature": f"{head}.{body}.{signature[:-6]}AAAAAA",
        "no signature": f"{head}.{body}.",
        "expired": token(exp=now - 31),
        "not yet": token(nbf=now + 60),
        "wrong audience": token(aud="another"),
        "wrong issuer": token(iss=ISSUER + "x"),
        "access token": token(token_use="access"),
        "no token_use": token(token_use=None),
        "no sub": token(sub=None),
        "no exp": token(exp=None),
        "no kid": token(kid=None),
        "unknown kid": token(kid="other"),
        "another key": token(signed_by="another"),
        "another algorithm": token(algorithm="RS512"),
    }
    accepted = [name for name, bad in forged.items() if code(f"Bearer {bad}") is not ErrorCode.INVALID_TOKEN]
    assert not accepted


def test_a_token_within_the_leeway_is_accepted() -> None:
    now = int(time.time())
    assert verifier().verify(f"Bearer {token(exp=now - 25)}").sub == "sub-alice"


def test_the_key_set_is_fetched_once_in_ten_minutes() -> None:
    source, clock = Source(), Clock()
    using = verifier(source, clock)
    for passed in (0, 300, 299):
        clock.now += passed
        using.verify(f"Bearer {token()}")
    assert source.fetched == 1
    clock.now += 1
    using.verify(f"Bearer {token()}")
    assert source.fetched == 2


def test_forged_key_ids_cause_one_fetch_a_minute_and_no_more() -> None:
    source, clock = Source(), Clock()
    using = verifier(source, clock)
    using.verify(f"Bearer {token()}")
    clock.now += 60
    for number in range(100):
        assert code(f"Bearer {token(kid=f'forged-{number}')}", using) is ErrorCode.INVALID_TOKEN
    assert source.fetched == 2


def test_a_rotated_key_is_found_without_waiting_for_the_cache() -> None:
    source, clock = Source(KID), Clock()
    using = verifier(source, clock)
    using.verify(f"Bearer {token()}")
    source.kids = (KID, "key-2")
    clock.now += 60
    assert using.verify(f"Bearer {token(kid='key-2', signed_by='key-2')}").sub == "sub-alice"


def test_an_unreachable_key_set_is_survived_for_its_life_and_then_said() -> None:
    source, clock = Source(), Clock()
    using = verifier(source, clock)
    using.verify(f"Bearer {token()}")
    source.away = True
    clock.now += 599
    using.verify(f"Bearer {token()}")
    clock.now += 1
    assert code(f"Bearer {token()}", using) is ErrorCode.KEYS_UNAVAILABLE

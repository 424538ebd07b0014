"""Whatever is done to a token: ours accepts what PyJWT, at its strictest, accepts as well, and for the same user."""

import json
import time
from typing import Any

import jwt
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.tokens import AUDIENCE, ISSUER, KID, key, key_set
from tests.unit.test_token_attacks import encoded, signed
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet
from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.domain.id_token import LEEWAY_S

VERIFIER = CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set))
NAMES = ("sub", "iss", "aud", "token_use", "iat", "exp", "nbf", "cognito:groups", "crit", "x")
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=2),
    st.sampled_from([ISSUER, AUDIENCE, "id", "access", [AUDIENCE], [AUDIENCE, "another"], {"a": 1}]),
)
# Seconds from now, none so close to a limit that it passes between the two verdicts.
OFFSETS = st.integers(-4_000, 4_000).filter(lambda seconds: abs(abs(seconds) - LEEWAY_S) > 3)


def ours(token: str) -> str | None:
    try:
        return VERIFIER.verify(f"Bearer {token}").sub
    except ApiError as error:
        if error.code is not ErrorCode.INVALID_TOKEN:
            raise
        return None


def pyjwt(token: str) -> str | None:
    options: Any = {"require": ["exp", "iat", "iss", "aud", "sub", "token_use"], "strict_aud": True}
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            key().public_key(),
            algorithms=["RS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options=options,
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return None
    ok = header.get("kid") == KID and claims["token_use"] == "id"
    return str(claims["sub"]) if ok else None


def agree(token: str) -> None:
    mine = ours(token)
    event("accepted" if mine is not None else "refused")
    if mine is not None:
        assert pyjwt(token) == mine


def claims(**offsets: int) -> dict[str, Any]:
    now = int(time.time())
    said = {"sub": "sub-alice", "iss": ISSUER, "aud": AUDIENCE, "token_use": "id", "iat": now, "exp": now + 3_600}
    return said | {name: now + seconds for name, seconds in offsets.items()}


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), ODD, max_size=2), st.sampled_from(["", "", " ", "\n", "x", "{}"]))
def test_of_tokens_with_odd_claims_that_our_own_key_signed(changed: dict[str, Any], more: str) -> None:
    agree(signed({"alg": "RS256", "kid": KID}, (json.dumps(claims() | changed) + more).encode()))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "exp"]), ODD, max_size=2))
def test_of_tokens_with_odd_headers_that_our_own_key_signed(changed: dict[str, Any]) -> None:
    agree(signed({"alg": "RS256", "kid": KID} | changed, json.dumps(claims()).encode()))


@settings(deadline=None)
@given(st.data())
def test_of_tokens_of_which_letters_were_changed(data: st.DataObject) -> None:
    letters = list(signed({"alg": "RS256", "kid": KID}, json.dumps(claims()).encode()))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(letters) - 1))
        letters[place] = data.draw(st.sampled_from(["", "A", "B", "_", "-", "+", "/", "=", ".", " ", "\n", "\0", "é"]))
    agree("".join(letters))


@settings(deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40), st.text(min_size=1, max_size=10))
def test_of_what_is_no_token(header: bytes, body: bytes, rest: str) -> None:
    agree(f"{encoded(header)}.{encoded(body)}.{rest}")
    agree(rest)


@settings(max_examples=200, deadline=None)
@given(OFFSETS, OFFSETS, st.none() | OFFSETS)
def test_on_dates_both_say_the_same(exp: int, iat: int, nbf: int | None) -> None:
    dates = {"exp": exp, "iat": iat} | ({} if nbf is None else {"nbf": nbf})
    token = signed({"alg": "RS256", "kid": KID}, json.dumps(claims(**dates)).encode())
    assert ours(token) == pyjwt(token)
    assert (ours(token) is not None) == (exp > -LEEWAY_S and iat <= LEEWAY_S and (nbf or 0) <= LEEWAY_S)

"""Which keys of a key set verify tokens, and which set is none."""

import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.tokens import AUDIENCE, ISSUER, KID, key_set, token
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet, usable_keys
from tinyllama.domain.errors import ApiError, ErrorCode

GOOD: Mapping[str, Any] = key_set()["keys"][0]


def rsa_jwk(bits: int, **more: str) -> dict[str, Any]:
    made = rsa.generate_private_key(public_exponent=65_537, key_size=bits).public_key()
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(made)), "kid": "other", **more}


def ec_jwk() -> dict[str, Any]:
    made = ec.generate_private_key(ec.SECP256R1()).public_key()
    return {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(made)), "kid": "other", "use": "sig"}


def unusable() -> dict[str, dict[str, Any]]:
    return {
        "too short": rsa_jwk(1_024),
        "for encryption": {**GOOD, "kid": "other", "use": "enc"},
        "for another algorithm": {**GOOD, "kid": "other", "alg": "RS512"},
        "for another padding": {**GOOD, "kid": "other", "alg": "PS256"},
        "of an elliptic curve": ec_jwk(),
        "symmetric": {"kty": "oct", "k": "c2VjcmV0", "kid": "other", "alg": "HS256"},
    }


@pytest.mark.parametrize("name", unusable())
def test_a_key_that_is_not_for_rs256_is_left_out(name: str) -> None:
    bad = unusable()[name]
    assert set(usable_keys({"keys": [bad, GOOD]})) == {KID}
    with pytest.raises(ValueError, match="no RSA key"):
        usable_keys({"keys": [bad]})


def test_use_and_alg_may_be_missing() -> None:
    bare = {name: GOOD[name] for name in ("kty", "kid", "n", "e")}
    assert set(usable_keys({"keys": [bare]})) == {KID}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": ["key"]},
        {"keys": [{"kid": KID}]},
        {"keys": [{**GOOD, "n": 5}]},
        {"keys": [{**GOOD, "n": GOOD["n"] + "="}]},
        {"keys": [{**GOOD, "e": "AA"}]},
        {"keys": [{**GOOD, "e": "Ag"}]},
        {"keys": [{**GOOD, "kid": [KID]}]},
        {"keys": [{name: GOOD[name] for name in GOOD if name != "kid"}]},
        {"keys": [GOOD, {**rsa_jwk(2_048), "kid": KID}]},
    ],
)
def test_what_is_no_key_set_or_a_damaged_one_is_refused_as_a_whole(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- what it says is for people
        usable_keys(document)


def test_a_damaged_set_does_not_replace_the_one_that_is_kept() -> None:
    sets: list[Mapping[str, Any]] = [key_set(), {"keys": []}]
    now = [0.0]
    verifier = CognitoVerifier(ISSUER, AUDIENCE, KeySet(lambda: sets[min(now[0], 1) > 0], lambda: now[0]))
    assert verifier.verify(f"Bearer {token()}").sub == "sub-alice"
    now[0] = 60.0
    with pytest.raises(ApiError):
        verifier.verify(f"Bearer {token(kid='other')}")
    assert verifier.verify(f"Bearer {token()}").sub == "sub-alice"
    now[0] = 600.0
    with pytest.raises(ApiError) as caught:
        verifier.verify(f"Bearer {token()}")
    assert caught.value.code is ErrorCode.KEYS_UNAVAILABLE


def test_a_token_signed_with_a_key_that_is_too_short_is_invalid() -> None:
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(short.public_key())), "kid": "short"}
    verifier = CognitoVerifier(ISSUER, AUDIENCE, KeySet(lambda: {"keys": [GOOD, jwk]}))
    claims = jwt.decode(token(), options={"verify_signature": False})
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = jwt.encode(claims, short, algorithm="RS256", headers={"kid": "short"})
    with pytest.raises(ApiError) as caught:
        verifier.verify(f"Bearer {weak}")
    assert caught.value.code is ErrorCode.INVALID_TOKEN

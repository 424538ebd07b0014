"""Forged, borrowed and malformed tokens: none of them passes, and none of them costs us more than a refusal."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.tokens import AUDIENCE, ISSUER, KID, key, key_set, token
from tinyllama.adapters.cognito import CognitoVerifier, KeySet
from tinyllama.domain.errors import ApiError, ErrorCode

PUBLIC_PEM = (
    key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


def claims() -> dict[str, Any]:
    """What Cognito would say of Alice now."""
    now = int(time.time())
    return {"sub": "sub-alice", "iss": ISSUER, "aud": AUDIENCE, "token_use": "id", "iat": now, "exp": now + 3_600}


class Verifier:
    """Our verifier, counting how often the key set was fetched."""

    def __init__(self) -> None:
        self.fetched = 0
        self._verifier = CognitoVerifier(ISSUER, AUDIENCE, KeySet(self._keys))
        self._verifier.verify(f"Bearer {token()}")

    def _keys(self) -> Mapping[str, Any]:
        self.fetched += 1
        return key_set()

    def answer(self, authorization: str) -> str:
        try:
            return self._verifier.verify(authorization).sub
        except ApiError as error:
            return error.code.value


@pytest.fixture
def verifier() -> Verifier:
    return Verifier()


def encoded(part: bytes | Mapping[str, Any]) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(header: bytes | Mapping[str, Any]) -> str:
    return f"{encoded(header)}.{encoded(claims())}."


def signed(header: Mapping[str, Any], body: bytes) -> str:
    """A token with any bytes as claims, signed with our own key: what only a broken issuer could make."""
    text = f"{encoded(header)}.{encoded(body)}"
    rs256 = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    return f"{text}.{encoded(rs256.sign(text.encode(), key()))}"


def odd(**changed: Any) -> str:
    """A signed token with claims that no library would encode."""
    return signed({"alg": "RS256", "kid": KID}, json.dumps(claims() | changed).encode())


def hs256_with_public_key() -> str:
    """The classic confusion: the public key as the secret of a symmetric algorithm."""
    text = f"{encoded({'alg': 'HS256', 'kid': KID})}.{encoded(claims())}"
    secret = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{text}.{encoded(secret.sign(text.encode(), PUBLIC_PEM))}"


def forged() -> dict[str, str]:
    """Made anew for each test: some are about seconds."""
    now = int(time.time())
    return {
        "alg none": unsigned({"alg": "none", "kid": KID}),
        "alg None": unsigned({"alg": "None", "kid": KID}),
        "alg empty": unsigned({"alg": "", "kid": KID}),
        "alg missing": unsigned({"kid": KID}),
        "alg not a string": unsigned({"alg": ["RS256"], "kid": KID}),
        "alg twice": unsigned(f'{{"alg":"none","alg":"RS256","kid":"{KID}"}}'.encode()),
        "HS256 with the public key": hs256_with_public_key(),
        "PS256": token(algorithm="PS256"),
        "RS384": token(algorithm="RS384"),
        "ES256": jwt.encode(claims(), ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": KID}),
        "jku of the attacker": jwt.encode(
            claims(),
            key("attacker"),
            algorithm="RS256",
            headers={"kid": KID, "jku": "https://evil.example.com/jwks.json"},
        ),
        "x5u of the attacker": jwt.encode(
            claims(),
            key("attacker"),
            algorithm="RS256",
            headers={"kid": KID, "x5u": "https://evil.example.com/cert.pem"},
        ),
        "jwk in the header": jwt.encode(
            claims(), key("attacker"), algorithm="RS256", headers={"kid": KID, "jwk": key_set("attacker")["keys"][0]}
        ),
        "kid as a path": token(kid="../../../dev/null"),
        "kid as SQL": token(kid="' OR 1=1 --"),
        "kid empty": token(kid=""),
        "wrong pool of the same region": token(iss=ISSUER + "2"),
        "issuer as a list": odd(iss=[ISSUER]),
        "audience among others' clients": token(aud="another-client"),
        "access token": token(token_use="access", aud=None, client_id=AUDIENCE),
        "expired a second past the leeway": token(exp=now - 31),
        "not valid before a minute from now": token(nbf=now + 60),
        "issued in the future": token(iat=now + 60),
        "exp as a string": odd(exp="tomorrow"),
        "sub as a number": odd(sub=5),
        "groups as a string": odd(**{"cognito:groups": "admins"}),
        "claims that are a list": signed({"alg": "RS256", "kid": KID}, b"[]"),
        "claims that are not JSON": signed({"alg": "RS256", "kid": KID}, b"\xff"),
        "100 kB": token(padding="x" * 100_000),
        "not ASCII": "ü.ü.ü",
        "five parts": "a.b.c.d.e",
        "two values": f"{token()},Bearer {token()}",
        "two words": f"{token()} {token()}",
        "space in front": f" {token()}",
        "space behind": f"{token()} ",
        "newline behind": f"{token()}\n",
    }


@pytest.mark.parametrize("name", forged())
def test_a_forged_token_is_invalid(verifier: Verifier, name: str) -> None:
    assert verifier.answer(f"Bearer {forged()[name]}") == ErrorCode.INVALID_TOKEN
    assert verifier.fetched == 1, "no forgery causes a fetch"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer", "Bearer\tx", "Token x", "Basic x", " Bearer x", "x"])
def test_what_is_no_bearer_token_counts_as_missing(verifier: Verifier, header: str) -> None:
    assert verifier.answer(header) == ErrorCode.MISSING_TOKEN


def genuine() -> dict[str, str]:
    now = int(time.time())
    jku = {"kid": KID, "jku": "https://evil.example.com/jwks.json"}
    return {
        "expired within the leeway": token(exp=now - 25),
        "issued within it": token(iat=now + 25),
        "not before within it": token(nbf=now + 25),
        "our signature in spite of a jku": jwt.encode(claims(), key(), algorithm="RS256", headers=jku),
        "odd() without anything odd": odd(),
    }


@pytest.mark.parametrize("name", genuine())
def test_a_genuine_token_passes(verifier: Verifier, name: str) -> None:
    assert verifier.answer(f"Bearer {genuine()[name]}") == "sub-alice"
    assert verifier.fetched == 1, "an address in a token is never fetched"


def test_of_a_claim_that_stands_twice_the_last_one_counts_for_every_check(verifier: Verifier) -> None:
    """Only a broken issuer could sign this; what matters is that check and use read the same value."""
    twice = json.dumps(claims())[:-1].encode() + b', "sub": "sub-bob", "aud": "another-client"}'
    assert verifier.answer(f"Bearer {signed({'alg': 'RS256', 'kid': KID}, twice)}") == ErrorCode.INVALID_TOKEN
    allowed = json.dumps(claims())[:-1].encode() + b', "sub": "sub-bob"}'
    assert verifier.answer(f"Bearer {signed({'alg': 'RS256', 'kid': KID}, allowed)}") == "sub-bob"

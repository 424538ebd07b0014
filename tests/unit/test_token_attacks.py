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
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet
from tinyllama.domain.errors import ApiError, ErrorCode

HEADER = {"alg": "RS256", "kid": KID}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FOLDING = str.maketrans(dict.fromkeys("kK", "\u212a") | dict.fromkeys("sS", "\u017f"))
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


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "==")


def with_spare_bits(segment: str) -> str:
    """Other letters for the same bytes: what is left over of the last letter is not zero."""
    other = segment[:-1] + next(
        letter for letter in LETTERS if letter != segment[-1] and decoded(segment[:-1] + letter) == decoded(segment)
    )
    assert other != segment
    return other


def body(**changed: Any) -> bytes:
    return json.dumps(claims() | changed).encode()


def signed(header: bytes | Mapping[str, Any], body: bytes) -> str:
    """A token with any bytes as claims, signed with our own key: what only a broken issuer could make."""
    text = f"{encoded(header)}.{encoded(body)}"
    rs256 = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    return f"{text}.{encoded(rs256.sign(text.encode(), key()))}"


def odd(**changed: Any) -> str:
    """A signed token with claims that no library would encode."""
    return signed(HEADER, body(**changed))


def hs256_with_public_key() -> str:
    """The classic confusion: the public key as the secret of a symmetric algorithm."""
    text = f"{encoded({'alg': 'HS256', 'kid': KID})}.{encoded(claims())}"
    secret = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{text}.{encoded(secret.sign(text.encode(), PUBLIC_PEM))}"


def forged() -> dict[str, str]:
    """Made anew for each test: some are about seconds."""
    now, good = int(time.time()), token().split(".")
    return {
        "alg none": unsigned({"alg": "none", "kid": KID}),
        "alg None": unsigned({"alg": "None", "kid": KID}),
        "alg empty": unsigned({"alg": "", "kid": KID}),
        "alg missing": unsigned({"kid": KID}),
        "alg not a string": unsigned({"alg": ["RS256"], "kid": KID}),
        "alg twice": unsigned(f'{{"alg":"none","alg":"RS256","kid":"{KID}"}}'.encode()),
        "alg twice, signed": signed(f'{{"alg":"none","alg":"RS256","kid":"{KID}"}}'.encode(), body()),
        "kid twice, signed": signed(f'{{"alg":"RS256","kid":"x","kid":"{KID}"}}'.encode(), body()),
        "an extension that must be understood": signed(HEADER | {"crit": ["exp"], "exp": 1}, body()),
        "an empty list of such extensions": signed(HEADER | {"crit": []}, body()),
        "payload not encoded": signed(HEADER | {"b64": False, "crit": ["b64"]}, body()),
        "b64 outside crit": signed(HEADER | {"b64": False}, body()),
        "kid as a list": signed(HEADER | {"kid": [KID]}, body()),
        "header that is a list": signed(b"[]", body()),
        "header that is not UTF-8": signed(b'{"alg":"RS256","kid":"\xff"}', body()),
        "header in UTF-16": signed(json.dumps(HEADER).encode("utf-16"), body()),
        "header nested deeply": unsigned(b'{"x":' * 1_200 + b"1" + b"}" * 1_200),
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
        "iat as a string": odd(iat=str(now)),
        "exp as a number in a string": odd(exp=str(now + 60)),
        "exp true": odd(exp=True),
        "iat true": odd(iat=True),
        "nbf false": odd(nbf=False),
        "exp as a fraction": odd(exp=now + 60.5),
        "iat as a fraction": odd(iat=now - 0.5),
        "nbf as a fraction": odd(nbf=now - 0.5),
        "nbf null": odd(nbf=None),
        "exp null": odd(exp=None),
        "exp not a number": odd(exp=float("nan")),
        "exp infinite": odd(exp=float("inf")),
        "exp too long to be read": signed(HEADER, body(exp="@").replace(b'"@"', b"9" * 5_000)),
        "iat infinitely long ago": odd(iat=float("-inf")),
        "aud as a list": odd(aud=[AUDIENCE]),
        "aud null": odd(aud=None),
        "token_use as a list": odd(token_use=["id"]),
        "sub empty": odd(sub=""),
        "sub null": odd(sub=None),
        "sub of half a character": signed(HEADER, body(sub="@").replace(b"@", b"\\ud800")),
        "sub over two lines": odd(sub="sub-alice\n{}"),
        "sub without end": odd(sub="x" * 129),
        "groups with a number": odd(**{"cognito:groups": ["admins", 5]}),
        "a claim twice": signed(HEADER, body()[:-1] + b', "sub": "sub-bob"}'),
        "a name twice, further in": signed(HEADER, body()[:-1] + b', "x": {"a": 1, "a": 2}}'),
        "claims that are a list": signed(HEADER, b"[]"),
        "claims that are a word": signed(HEADER, b"null"),
        "claims that are not JSON": signed(HEADER, b"\xff"),
        "claims that are not UTF-8": signed(HEADER, body()[:-1] + b', "x": "\xff"}'),
        "claims in UTF-16": signed(HEADER, body().decode().encode("utf-16")),
        "claims behind a byte order mark": signed(HEADER, b"\xef\xbb\xbf" + body()),
        "claims and more": signed(HEADER, body() + b"{}"),
        "claims nested deeply": signed(HEADER, body()[:-1] + b', "x": ' + b"[" * 2_000 + b"]" * 2_000 + b"}"),
        "no claims": signed(HEADER, b""),
        "100 kB": token(padding="x" * 100_000),
        "not ASCII": "ü.ü.ü",
        "two parts": ".".join(good[:2]),
        "four parts": ".".join([*good, ""]),
        "five parts": "a.b.c.d.e",
        "five parts, of which three are good": ".".join([*good, "", ""]),
        "an empty signature": ".".join([*good[:2], ""]),
        "half a signature": ".".join([*good[:2], good[2][: len(good[2]) // 2]]),
        "a signature and a byte": ".".join([*good[:2], encoded(decoded(good[2]) + b"\0")]),
        "a signature behind a zero": ".".join([*good[:2], encoded(b"\0" + decoded(good[2]))]),
        "padding": ".".join([*good[:2], good[2] + "=="]),
        "padding in the header": ".".join([good[0] + "=" * (-len(good[0]) % 4 or 4), *good[1:]]),
        "spare bits in the signature": ".".join([*good[:2], with_spare_bits(good[2])]),
        "standard alphabet": ".".join([*good[:2], good[2].replace("-", "+").replace("_", "/") + "+"]),
        "space in a segment": ".".join([*good[:2], f"{good[2][:9]} {good[2][9:]}"]),
        "line break in a segment": ".".join([*good[:2], f"{good[2][:9]}\r\n{good[2][9:]}"]),
        "line break in the header": ".".join([f"{good[0][:9]}\n{good[0][9:]}", *good[1:]]),
        "a zero byte in a segment": ".".join([*good[:2], f"{good[2][:9]}\0{good[2][9:]}"]),
        "letters that fold to ASCII": ".".join([*good[:2], good[2].translate(FOLDING)]),
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
        "a header in another order": signed({"kid": KID, "typ": "JWT", "alg": "RS256"}, body()),
        "odd() without anything odd": odd(),
    }


@pytest.mark.parametrize("name", genuine())
def test_a_genuine_token_passes(verifier: Verifier, name: str) -> None:
    assert verifier.answer(f"Bearer {genuine()[name]}") == "sub-alice"
    assert verifier.fetched == 1, "an address in a token is never fetched"

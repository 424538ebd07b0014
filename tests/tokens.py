"""A user pool of our own: a key pair, its key set, and tokens as Cognito would issue them."""

import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example"
AUDIENCE = "exampleclientid"
KID = "key-1"


def key(name: str = KID) -> rsa.RSAPrivateKey:
    """A private key; the same one for the same name."""
    return _keys(name)


@cache
def _keys(_name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def key_set(*kids: str) -> Mapping[str, Any]:
    """The public keys, as the pool serves them."""
    keys = []
    for kid in kids or (KID,):
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key(kid).public_key()))
        keys.append({**public, "kid": kid, "alg": "RS256", "use": "sig"})
    return {"keys": keys}


def token(
    *,
    signed_by: str = KID,
    kid: str | None = KID,
    algorithm: str = "RS256",
    groups: list[str] | None = None,
    **claims: Any,
) -> str:
    """An ID token of Alice's; a claim given as None is left out."""
    claims["cognito:groups"] = groups
    now = int(time.time())
    defaults = {"sub": "sub-alice", "iss": ISSUER, "aud": AUDIENCE, "token_use": "id", "iat": now, "exp": now + 3_600}
    kept = {name: value for name, value in (defaults | claims).items() if value is not None}
    headers = {"kid": kid} if kid is not None else {}
    return jwt.encode(kept, key(signed_by), algorithm=algorithm, headers=headers)

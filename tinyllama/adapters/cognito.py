"""Cognito ID tokens: who is calling, proven by an RS256 signature of our own user pool.

Taking a token apart and reading its claims is ours and pure (`jws`, `domain.id_token`), RSA is `cryptography`'s. Why
not PyJWT's `decode`: docs/adr/0031. Nothing about a token is remembered: every request pays for its signature.
Source: Amazon Cognito Developer Guide, "Verifying JSON web tokens".
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tinyllama.adapters.jws import base64url, json_object, rs256_key_id
from tinyllama.adapters.key_set import KeySet
from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.domain.id_token import claims_hold
from tinyllama.ports import Principal

TOKEN_MAX_BYTES = 8_192
"""Cognito's tokens have about 1 kB; API Gateway lets no header through that is larger than 10 kB."""
_PADDING, _DIGEST = PKCS1v15(), SHA256()


class CognitoVerifier:
    """`TokenVerifier` for the ID tokens of one user pool and one client. `clock` gives seconds since the epoch."""

    def __init__(self, issuer: str, audience: str, keys: KeySet, clock: Callable[[], float] = time.time) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock

    def verify(self, authorization: str | None) -> Principal:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(ErrorCode.MISSING_TOKEN)
        try:
            claims = self._signed_claims(token)
        except (ValueError, InvalidSignature):
            raise ApiError(ErrorCode.INVALID_TOKEN) from None
        if not claims_hold(claims, issuer=self._issuer, audience=self._audience, now=self._clock()):
            raise ApiError(ErrorCode.INVALID_TOKEN)
        return Principal(claims["sub"], frozenset(claims.get("cognito:groups", ())))

    def _signed_claims(self, token: str) -> Mapping[str, Any]:
        """The claims, if the signature is our pool's. Raises `ValueError` or `InvalidSignature`."""
        if len(token) > TOKEN_MAX_BYTES:
            raise ValueError("too long")
        header, claims, signature = token.split(".")
        kid = rs256_key_id(header)
        key = None if kid is None else self._keys.get(kid)
        if key is None:
            raise ValueError("not signed with a key of ours")
        key.verify(base64url(signature), f"{header}.{claims}".encode(), _PADDING, _DIGEST)
        return json_object(base64url(claims))

"""Cognito ID tokens: who is calling, proven by an RS256 signature of our own user pool.

Source: Amazon Cognito Developer Guide, "Verifying JSON web tokens".
"""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import jwt

from tinyllama.domain.errors import ApiError, ErrorCode
from tinyllama.ports import Principal

KEYS_LIFE_S = 600
EARLY_REREAD_S = 60
RETRY_S = 5
"""While the key set cannot be had, it is asked for this often; whoever comes in between hears so at once."""
LEEWAY_S = 30
TOKEN_MAX_BYTES = 8_192
"""Cognito's tokens have about 1 kB; API Gateway lets no header through that is larger than 10 kB."""
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "token_use"]


class KeySource(Protocol):
    """Where the key set comes from."""

    def __call__(self) -> Mapping[str, Any]:
        """Fetch the JSON Web Key Set. Raises OSError or ValueError."""


def http_keys(url: str, *, timeout_s: float = 2.0) -> KeySource:
    """The key set at an address, such as `{issuer}/.well-known/jwks.json`."""
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"a key set address starts with https:// (or http:// on one machine), not {url!r}")

    def fetch() -> Mapping[str, Any]:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310 -- the scheme is checked above
            found: Mapping[str, Any] = json.load(answer)
        return found

    return fetch


class KeySet:
    """The pool's public keys, at most `KEYS_LIFE_S` old.

    A token with an unknown `kid` may mean that Cognito rotated its keys, so it causes one early
    re-read, but no more than one a minute: a stream of forged tokens must not become one of fetches.
    """

    def __init__(self, source: KeySource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, Any] = {}
        self._read_at = -float("inf")
        self._tried_at = -float("inf")

    def get(self, kid: str) -> Any | None:
        """The public key, or None when the pool has no such key.

        Raises:
            ApiError: `keys_unavailable` when no key set younger than its life could be had.
        """
        with self._lock:
            now = self._clock()
            stale = now - self._read_at >= KEYS_LIFE_S
            unknown = kid not in self._keys
            if (stale or unknown) and now - self._tried_at >= (RETRY_S if stale else EARLY_REREAD_S):
                self._tried_at = now
                stale = not self._read(now) and stale
            if stale:
                raise ApiError(ErrorCode.KEYS_UNAVAILABLE)
            return self._keys.get(kid)

    def _read(self, now: float) -> bool:
        try:
            found = self._source()
            self._keys = {
                key["kid"]: jwt.PyJWK(dict(key), algorithm="RS256").key for key in found["keys"] if key["kty"] == "RSA"
            }
        except (OSError, ValueError, LookupError, TypeError, jwt.PyJWTError):
            return False
        self._read_at = now
        return True


class CognitoVerifier:
    """`TokenVerifier` for the ID tokens of one user pool and one client."""

    def __init__(self, issuer: str, audience: str, keys: KeySet) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    def verify(self, authorization: str | None) -> Principal:
        if not authorization:
            raise ApiError(ErrorCode.MISSING_TOKEN)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(ErrorCode.MISSING_TOKEN)
        if len(token) > TOKEN_MAX_BYTES:
            raise ApiError(ErrorCode.INVALID_TOKEN)
        try:
            claims = self._claims(token)
        except jwt.PyJWTError:
            raise ApiError(ErrorCode.INVALID_TOKEN) from None
        groups = claims.get("cognito:groups", [])
        is_id_token = claims["token_use"] == "id"  # noqa: S105 -- a kind of token, not one
        if not is_id_token or not isinstance(groups, list):
            raise ApiError(ErrorCode.INVALID_TOKEN)
        return Principal(claims["sub"], frozenset(map(str, groups)))

    def _claims(self, token: str) -> Mapping[str, Any]:
        kid = _key_id(token.partition(".")[0])
        key = None if kid is None else self._keys.get(kid)
        if key is None:
            raise ApiError(ErrorCode.INVALID_TOKEN)
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED},
        )
        return claims


@lru_cache(maxsize=32)
def _key_id(header: str) -> str | None:
    """The `kid` of an RS256 header; None for any other header, so that no key is looked up for a forgery.

    A pool writes the same header into every token that it signs with a key: it is worth reading once.
    """
    fields = jwt.get_unverified_header(f"{header}..")
    kid = fields.get("kid")
    return kid if fields.get("alg") == "RS256" and isinstance(kid, str) else None

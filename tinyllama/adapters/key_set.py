"""The public keys of a user pool: which are used, where they come from, and how long they are kept.

Source: RFC 7517 (JWK), 4; RFC 7518, 3.3 and 6.3.1.
"""

import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from tinyllama.adapters.jws import base64url, json_object
from tinyllama.domain.errors import ApiError, ErrorCode

KEYS_LIFE_S = 600
EARLY_REREAD_S = 60
RETRY_S = 5
"""While the key set cannot be had, it is asked for this often; whoever comes in between hears so at once."""
RSA_MIN_BITS, RSA_MAX_BITS = 2_048, 8_192
_SET_MAX_BYTES = 262_144


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
            return json_object(answer.read(_SET_MAX_BYTES))

    return fetch


def usable_keys(document: Mapping[str, Any]) -> Mapping[str, RSAPublicKey]:
    """The keys of a JSON Web Key Set that sign with RS256, by their ids; keys for anything else are left out.

    Raises:
        ValueError: it is no key set, has no such key, or has one that is damaged or stands twice.
    """
    found: dict[str, RSAPublicKey] = {}
    try:
        for jwk in document["keys"]:
            if _signs_rs256(jwk):
                key = RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
                if not RSA_MIN_BITS <= key.key_size <= RSA_MAX_BITS:
                    continue
                if found.setdefault(jwk["kid"], key) is not key:
                    raise ValueError(f"two keys have the id {jwk['kid']!r}")
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not a JSON Web Key Set: {error!r}") from error
    if not found:
        raise ValueError("the key set has no RSA key that could verify a token")
    return found


def _signs_rs256(jwk: Mapping[str, Any]) -> bool:
    return (jwk["kty"], jwk.get("use", "sig"), jwk.get("alg", "RS256")) == ("RSA", "sig", "RS256")


def _number(text: str) -> int:
    return int.from_bytes(base64url(text))


class KeySet:
    """The pool's public keys, at most `KEYS_LIFE_S` old.

    A token with an unknown `kid` may mean that Cognito rotated its keys, so it causes one early
    re-read, but no more than one a minute: a stream of forged tokens must not become one of fetches.
    """

    def __init__(self, source: KeySource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._read_at = -float("inf")
        self._tried_at = -float("inf")

    def get(self, kid: str) -> RSAPublicKey | None:
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
            self._keys = usable_keys(self._source())
        except (OSError, ValueError):
            return False
        self._read_at = now
        return True

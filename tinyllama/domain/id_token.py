"""What the claims of an ID token must say, once its signature has been found good.

Source: RFC 7519, 4.1; Amazon Cognito Developer Guide, "Verifying JSON web tokens" and "Understanding the ID token".
"""

from collections.abc import Mapping
from typing import Any

LEEWAY_S = 30
"""How far clocks may disagree."""
_SUB_MAX = 128


def claims_hold(claims: Mapping[str, Any], *, issuer: str, audience: str, now: float) -> bool:
    """Whether these are the claims of an ID token of ours at `now` (seconds since the epoch).

    Stricter than RFC 7519 where Cognito is: dates are whole numbers, and `aud` is one client.
    """
    return (
        claims.get("iss") == issuer
        and claims.get("aud") == audience
        and claims.get("token_use") == "id"
        and _in_time(claims, now)
        and _names_a_user(claims.get("sub"))
        and _are_groups(claims.get("cognito:groups", []))
    )


def _in_time(claims: Mapping[str, Any], now: float) -> bool:
    exp, iat, nbf = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not type(exp) is type(iat) is type(nbf) is int:  # not isinstance, to which a bool is an int
        return False
    return exp + LEEWAY_S > now and max(iat, nbf) - LEEWAY_S <= now


def _names_a_user(sub: object) -> bool:
    # It becomes part of keys and log lines: nothing that cannot be printed, which unpaired surrogates cannot either.
    return isinstance(sub, str) and 0 < len(sub) <= _SUB_MAX and sub.isprintable()


def _are_groups(groups: object) -> bool:
    return isinstance(groups, list) and all(isinstance(group, str) for group in groups)

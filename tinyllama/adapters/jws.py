"""A signed token in its compact form, taken apart strictly: one spelling of everything, or none.

Source: RFC 7515 (JWS), 3.1, 4.1.11 and 5.2; RFC 4648, 3.5 (canonical base64url). Whoever verifies and whoever uses a
token must read the same values in it, so whatever two readers could read differently is refused: base64 with spare
bits, padding or line breaks, a JSON name that stands twice, text that is not UTF-8.
"""

import binascii
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_LAST_OF_TWO, _LAST_OF_THREE = frozenset(b"AQgw"), frozenset(b"AEIMQUYcgkosw048")
"""What a last group of so many characters may end with, so that no bit is left over."""


def base64url(segment: str) -> bytes:
    """The bytes that a segment stands for. Raises `ValueError` for any but their one spelling."""
    spelled = segment.encode()
    match len(spelled) % 4:
        case 2 if spelled[-1] not in _LAST_OF_TWO:
            raise ValueError("not canonical base64url")
        case 3 if spelled[-1] not in _LAST_OF_THREE:
            raise ValueError("not canonical base64url")
    return binascii.a2b_base64(spelled.translate(_TO_STANDARD) + b"=" * (-len(spelled) % 4), strict_mode=True)


def json_object(raw: bytes) -> dict[str, Any]:
    """The object that JSON text stands for. Raises `ValueError`, also for a name that stands twice in any object."""
    found = _read_quickly(raw) or _read_strictly(raw)
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 -- of what was sent, not of an argument
    return found


def _read_quickly(raw: bytes) -> object:
    """What is written as pydantic would write it: so no name stands twice, or one would be gone. None for all else."""
    try:
        found = from_json(raw, allow_inf_nan=False)
        return found if to_json(found) == raw else None
    except ValueError:
        return None


def _read_strictly(raw: bytes) -> object:
    try:
        return _JSON.decode(raw.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)


@lru_cache(maxsize=32)
def rs256_key_id(header: str) -> str | None:
    """The `kid` of an RS256 header; None for any other header, so that no key is looked up for a forgery.

    `crit` names extensions that must be understood, `b64` is one: we know none. Addresses and keys in a header are
    never looked at. A pool writes the same header into every token that it signs with a key: it is read once.
    """
    try:
        fields = json_object(base64url(header))
    except ValueError:
        return None
    kid = fields.get("kid")
    usable = fields.get("alg") == "RS256" and not {"crit", "b64"} & fields.keys()
    return kid if usable and isinstance(kid, str) else None

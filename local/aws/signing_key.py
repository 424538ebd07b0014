"""The key that signs the tokens of user pools, read once: moto reads its own anew for each pool, without its primes.

joserfc finds those by trying, with up to dozens of powers of 2,048 bits: a quarter of a second, on a bad day one.
"""

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import moto.cognitoidp.models
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey
from joserfc.util import base64_to_int, int_to_base64

from local.aws.core.seam import replaced


@contextmanager
def installed() -> Iterator[None]:
    """Keep what was read for all pools of this process."""
    quick = SimpleNamespace(import_key=lambda jwk: _key(*(jwk[name] for name in ("n", "e", "d"))))
    with replaced(moto.cognitoidp.models, "jwk", SimpleNamespace(RSAKey=quick)):
        yield


@functools.cache
def _key(modulus: str, exponent: str, private: str) -> RSAKey:
    n, e, d = (base64_to_int(each) for each in (modulus, exponent, private))
    p, q = prime_factors(n, e, d)
    numbers = {"p": p, "q": q, "dp": rsa.rsa_crt_dmp1(d, p), "dq": rsa.rsa_crt_dmq1(d, q), "qi": rsa.rsa_crt_iqmp(p, q)}
    known: dict[str, str | list[str]] = {"kty": "RSA", "n": modulus, "e": exponent, "d": private}
    return RSAKey.import_key(known | {name: int_to_base64(number) for name, number in numbers.items()})


def prime_factors(n: int, e: int, d: int) -> tuple[int, int]:
    """The two primes of an RSA modulus, the larger first; from its exponents, by one power for each base tried.

    Handbook of Applied Cryptography, 8.2.2 (i): `e * d - 1` is `odd * 2**s`, and among `base**odd` and its squares
    mod n is, for half of the bases, a root of 1 that is neither 1 nor -1. Raises `ValueError` for what is no such key.
    """
    twos = ((e * d - 1) & -(e * d - 1)).bit_length() - 1
    for base in range(2, 102):
        root = pow(base, (e * d - 1) >> twos, n)
        for _ in range(twos):
            square = root * root % n
            if square == 1 and root not in {1, n - 1}:
                p = math.gcd(root + 1, n)
                return max(p, n // p), min(p, n // p)
            root = square
    raise ValueError("no primes were found: n, e and d are not of one RSA key")

"""The primes of an RSA key, found from what a public and a private exponent say."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from local.aws.signing_key import prime_factors

PRIMES = [101, 103, 257, 65_537, 999_983, 2_147_483_647, 2**61 - 1]


@given(st.sampled_from(PRIMES), st.sampled_from(PRIMES), st.sampled_from([3, 5, 7, 11, 13, 65_537]))
def test_it_finds_the_primes_of_whatever_is_a_key(p: int, q: int, e: int) -> None:
    phi = (p - 1) * (q - 1)
    if p == q or phi % e == 0 or e >= phi:
        return
    assert prime_factors(p * q, e, pow(e, -1, phi)) == (max(p, q), min(p, q))


def test_it_finds_what_cryptography_made() -> None:
    key = rsa.generate_private_key(65_537, 2_048).private_numbers()
    assert prime_factors(key.public_numbers.n, 65_537, key.d) == (max(key.p, key.q), min(key.p, key.q))


@pytest.mark.parametrize(("n", "e", "d"), [(101 * 103, 7, 12), (101, 3, 67), (2**61 - 1, 65_537, 9)])
def test_what_is_no_key_is_refused_and_does_not_go_on_for_ever(n: int, e: int, d: int) -> None:
    with pytest.raises(ValueError, match="not of one RSA key"):
        prime_factors(n, e, d)

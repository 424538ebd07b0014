"""moto's user pools, without the tenth of a second that each takes to read the private key which all of them share."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from joserfc.jwk import RSAKey
from moto.utilities.utils import load_resource


@pytest.fixture(scope="session", autouse=True)
def one_signing_key() -> Iterator[None]:
    """Read moto's key once; hundreds of tests make an account with a user pool."""
    key = RSAKey.import_key(load_resource("cognitoidp/resources/jwks-private.json"))
    once = SimpleNamespace(RSAKey=SimpleNamespace(import_key=lambda _jwk: key))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.cognitoidp.models.jwk", once)
        yield

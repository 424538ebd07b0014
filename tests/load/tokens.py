"""ID tokens for more users than anybody would want to sign in one after the other."""

import json
import time
from collections.abc import Iterator

import jwt
from moto.utilities.utils import load_resource

from local.addresses import account_of
from local.state import State

LIFE_S = 3_600


def id_tokens(state: State, number: int) -> Iterator[str]:
    """Signed by the pool's own key, which the local AWS keeps in a file, so the router verifies them for real."""
    account, now = account_of(state), int(time.time())
    found = load_resource("cognitoidp/resources/jwks-private.json")
    secret = jwt.PyJWK(found if isinstance(found, dict) else json.loads(found), algorithm="RS256")
    for place in range(number):
        claims = {
            "sub": f"load-{place}",
            "iss": account.issuer,
            "aud": account.client_id,
            "token_use": "id",
            "iat": now,
            "exp": now + LIFE_S,
        }
        yield jwt.encode(claims, secret.key, "RS256", headers={"kid": "dummy"})

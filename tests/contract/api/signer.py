"""Tokens that Cognito would not issue now: expired, of another client, of somebody else, of an admin.

They carry good signatures, because the local Cognito's signing key comes with moto, for anyone to read.
`eval "$(python -m tests.contract.api.signer)"`, after `eval "$(tl env)"`, exports some for the shell.
"""

import gzip
import json
import os
import shlex
import sys
import time
import uuid
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

HOUR_S = 3_600


@cache
def _key() -> tuple[str, RSAPrivateKey]:
    packed = files("moto.cognitoidp").joinpath("resources", "jwks-private.json.gz").read_bytes()
    found = json.loads(gzip.decompress(packed))
    return found["kid"], cast("RSAPrivateKey", jwt.algorithms.RSAAlgorithm.from_jwk(found))


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one user pool and one client of the local AWS."""

    issuer: str
    client_id: str

    def token(self, sub: str | None = None, *, age_s: int = 0, **claims: Any) -> str:
        """An ID token of a user, a new one by default, as Cognito would have issued it `age_s` ago."""
        kid, key = _key()
        issued = int(time.time()) - age_s
        usual = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": sub or str(uuid.uuid4()),
            "token_use": "id",
            "iat": issued,
            "exp": issued + HOUR_S,
        }
        return jwt.encode(usual | claims, key, algorithm="RS256", headers={"kid": kid})

    def odd_tokens(self) -> dict[str, str]:
        """The tokens that the collection and the page about tokens need, by the names they use."""
        admin: dict[str, Any] = {"cognito:groups": ["admins"]}
        other_pool = f"{self.issuer[:-4]}0000"
        return {
            "OTHER_TOKEN": self.token(),
            "ADMIN_TOKEN": self.token(**admin),
            "EXPIRED_TOKEN": self.token(age_s=2 * HOUR_S),
            "ACCESS_TOKEN": self.token(token_use="access", client_id=self.client_id),
            "FOREIGN_CLIENT_TOKEN": self.token(aud="anotherclient"),
            "FOREIGN_POOL_TOKEN": self.token(iss=other_pool),
        }


def main() -> None:
    """Print shell exports for the platform that the environment points at."""
    signer = Signer(os.environ["COGNITO_ISSUER"], os.environ["COGNITO_CLIENT_ID"])
    for name, value in signer.odd_tokens().items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


if __name__ == "__main__":
    main()

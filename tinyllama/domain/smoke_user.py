"""The user that smoke tests sign in as: what is stored of it, and the steps to a new password."""

import json
from dataclasses import dataclass, field

from tinyllama.domain.errors import TinyllamaError

PARAMETER = "/tinyllama/smoke-user"
"""Name of the SSM parameter that holds the user and its password."""
TRUSTED_VERSIONS = 3
"""How many of the stored passwords are tried: the newest may be one that Cognito has not been told of yet."""


class SmokeUserError(TinyllamaError):
    """The smoke user cannot sign in, or has got no new password; `touched` is whether anything was changed."""

    def __init__(self, message: str, *, code: str = "", touched: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.touched = touched


@dataclass(frozen=True, slots=True)
class Secret:
    """What it takes to sign in. The password is in no `repr`."""

    username: str
    client_id: str
    password: str = field(repr=False)

    def to_json(self) -> str:
        """As it is stored."""
        return json.dumps({"username": self.username, "client_id": self.client_id, "password": self.password})


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of the stored secret; versions count from 1."""

    secret: Secret
    version: int


def secret_of(text: str) -> Secret:
    """Read what is stored. Raises `SmokeUserError`, which does not tell what it was."""
    try:
        found = json.loads(text)
        return Secret(str(found["username"]), str(found["client_id"]), str(found["password"]))
    except (ValueError, KeyError, TypeError):
        raise SmokeUserError(f"{PARAMETER} holds no user and password: run playbooks/rotate_smoke_user.yml") from None


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand: whether the user exists, what is stored, and whether that is still to be made its password."""

    exists: bool
    stored: Stored | None
    pending: bool

    @property
    def version(self) -> int:
        """Of the stored secret; 0 when there is none."""
        return self.stored.version if self.stored else 0


@dataclass(frozen=True, slots=True)
class RotationStep:
    """`create`, `store`, `set`, `revoke` or `verify`; of what, and why."""

    action: str
    target: str
    reason: str


def plan(standing: Standing, username: str) -> tuple[RotationStep, ...]:
    """The steps to a new password, in an order in which a run may be killed anywhere.

    The password is stored before Cognito knows it, so it cannot be lost; until then the one before still signs in.
    A stored one that does not sign in is such a run's: it is taken instead of a third one.
    """
    create = RotationStep("create", username, "there is no such user")
    store = RotationStep("store", f"version {standing.version + 1}", "a new password, in SSM Parameter Store")
    reason = "an earlier run has stored it, and Cognito does not know it" if standing.pending else "Cognito learns it"
    return (
        *(() if standing.exists else (create,)),
        *(() if standing.pending else (store,)),
        RotationStep("set", username, reason),
        RotationStep("revoke", username, "refresh and access tokens of before end now, ID tokens within the hour"),
        RotationStep("verify", username, "the new password signs in"),
    )

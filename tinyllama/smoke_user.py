"""The smoke user: signing in with what is stored, and giving it another password."""

import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tinyllama.domain.smoke_user import TRUSTED_VERSIONS, RotationStep, Secret, SmokeUserError, Standing, Stored, plan

_SYMBOLS = "-_.~+="
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
_LENGTH = 32
"""About 195 bits; Cognito takes up to 256 characters."""


class Vault(Protocol):
    """Where the secret is stored. Every method raises `SmokeUserError`."""

    def stored(self, version: int | None = None) -> Stored | None:
        """That version, or the newest; None when there is none."""

    def store(self, secret: Secret) -> None:
        """Store another version."""


class Users(Protocol):
    """The user pool. Every method raises `SmokeUserError`."""

    def exists(self, username: str) -> bool:
        """Whether there is such a user."""

    def create(self, username: str) -> None:
        """Create the user, and write to nobody about it; a no-op when there is one."""

    def set_password(self, username: str, password: str) -> None:
        """Let this be the password from now on."""

    def revoke(self, username: str) -> None:
        """Sign the user out everywhere."""

    def sign_in(self, secret: Secret) -> str | None:
        """A fresh ID token; None when the password is not the user's."""


def sign_in(vault: Vault, users: Users) -> str:
    """An ID token of the smoke user. Raises `SmokeUserError`.

    The newest password first; then the ones before, for a rotation may have been killed, or be under way.
    """
    newest = vault.stored()
    if newest is None:
        raise SmokeUserError("no smoke user is stored: run playbooks/rotate_smoke_user.yml, or give TL_TOKEN")
    for version in range(newest.version, max(0, newest.version - TRUSTED_VERSIONS), -1):
        found = newest if version == newest.version else vault.stored(version)
        token = users.sign_in(found.secret) if found else None
        if token:
            return token
    raise SmokeUserError("no stored password of the smoke user signs in: run playbooks/rotate_smoke_user.yml")


def new_password() -> str:
    """Chosen by the system's source of randomness; has a letter of each case, a digit and a symbol."""
    while True:
        password = "".join(secrets.choice("".join(_CLASSES)) for _ in range(_LENGTH))
        if all(set(password) & set(each) for each in _CLASSES):
            return password


@dataclass(frozen=True, slots=True)
class Rotation:
    """Giving a user of a client another password."""

    vault: Vault
    users: Users
    username: str
    client_id: str
    tell: Callable[[str], object] = lambda _message: None

    def look(self) -> tuple[Standing, Sequence[RotationStep]]:
        """How things stand, and the steps from there. Changes nothing. Raises `SmokeUserError`."""
        exists, stored = self.users.exists(self.username), self.vault.stored()
        # What is stored for another user or client is replaced, not brought to life.
        ours = stored is not None and stored.secret == self._secret(stored.secret.password)
        pending = ours and stored is not None and not (exists and self.users.sign_in(stored.secret))
        standing = Standing(exists, stored, pending)
        return standing, plan(standing, self.username)

    def carry_out(self, standing: Standing, steps: Sequence[RotationStep]) -> int:
        """Take the steps; returns the version that is stored then. Raises `SmokeUserError`."""
        password = standing.stored.secret.password if standing.stored and standing.pending else new_password()
        touched = False
        try:
            for step in steps:
                self.tell(f"{step.action} {step.target} ({step.reason})")
                touched = touched or step.action != "verify"
                self._take(step, password)
            now = self.vault.stored()
        except SmokeUserError as error:
            again = f"{error} Running the same command again goes on; until then smoke tests try the password before."
            raise SmokeUserError(again, code=error.code, touched=touched) from error
        return now.version if now else 0

    def _secret(self, password: str) -> Secret:
        return Secret(self.username, self.client_id, password)

    def _take(self, step: RotationStep, password: str) -> None:
        match step.action:
            case "create":
                self.users.create(self.username)
            case "store":
                self.vault.store(self._secret(password))
            case "set":
                self.users.set_password(self.username, password)
            case "revoke":
                self.users.revoke(self.username)
            case _:
                _verify(self.vault, self.users, self._secret(password))


def _verify(vault: Vault, users: Users, secret: Secret) -> None:
    now = vault.stored()
    if now is None or now.secret != secret:
        raise SmokeUserError("somebody else has stored another password meanwhile.")
    if users.sign_in(secret) is None:
        raise SmokeUserError("Cognito has taken the new password, and does not let it sign in.")

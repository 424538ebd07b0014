"""The smoke user's rotation: killed at every step, with lost answers, and two at once, and it still signs in."""

import string
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.adapters.smoke_user import CognitoUsers
from tinyllama.domain.smoke_user import Secret, SmokeUserError, Stored, secret_of
from tinyllama.smoke_user import Rotation, new_password, sign_in

USER, CLIENT = "smoke-bot@example.com", "client"
STEPS = ("create", "store", "set", "revoke", "verify")


class PowerCut(BaseException):
    """As SIGKILL: nobody catches it."""


@dataclass
class World:
    """Vault and user pool in memory. The power goes at call `cut_at`, before its work or after it."""

    versions: list[Secret] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    revoked: int = 0
    calls: list[str] = field(default_factory=list)
    cut_at: int | None = None
    cut_after: bool = False

    def stored(self, version: int | None = None) -> Stored | None:
        number = len(self.versions) if version is None else version
        return Stored(self.versions[number - 1], number) if 0 < number <= len(self.versions) else None

    def exists(self, username: str) -> bool:
        return username in self.passwords

    def sign_in(self, secret: Secret) -> str | None:
        return "token" if secret.password and self.passwords.get(secret.username) == secret.password else None

    def create(self, username: str) -> None:
        self._write("create", lambda: self.passwords.setdefault(username, ""))

    def store(self, secret: Secret) -> None:
        self._write("store", lambda: self.versions.append(secret))

    def set_password(self, username: str, password: str) -> None:
        self._write("set", lambda: self.passwords.update({username: password}))

    def revoke(self, username: str) -> None:
        def count() -> None:
            self.revoked += 1

        self._write("revoke", count)

    def _write(self, name: str, act: Callable[[], object]) -> None:
        here = self.cut_at == len(self.calls)
        self.calls.append(name)
        if here and not self.cut_after:
            raise PowerCut
        act()
        if here:
            raise PowerCut


def rotate(world: World, user: str = USER) -> int:
    rotation = Rotation(world, world, user, CLIENT)
    return rotation.carry_out(*rotation.look())


def test_the_first_run_creates_the_user_and_the_next_one_does_not() -> None:
    world = World()
    assert rotate(world) == 1
    assert world.calls == ["create", "store", "set", "revoke"]
    first = world.passwords[USER]
    world.calls.clear()
    assert rotate(world) == 2
    assert world.calls == ["store", "set", "revoke"]
    assert world.passwords[USER] != first
    assert sign_in(world, world) == "token"


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=4))
def test_however_often_it_is_killed_smoke_signs_in_and_the_next_run_completes(cuts: list[tuple[int, bool]]) -> None:
    world = World()
    rotate(world)
    for cut_at, cut_after in cuts:
        world.calls.clear()
        world.cut_at, world.cut_after = cut_at, cut_after
        try:
            rotate(world)
        except PowerCut:
            assert sign_in(world, world) == "token"
    world.cut_at = None
    revoked = world.revoked
    rotate(world)
    assert world.passwords[USER] == world.versions[-1].password
    assert (world.revoked, sign_in(world, world)) == (revoked + 1, "token")


def test_a_run_that_was_killed_leaves_no_third_password() -> None:
    world = World()
    rotate(world)
    world.calls.clear()
    world.cut_at, world.cut_after = 0, True
    with pytest.raises(PowerCut):
        rotate(world)
    rotate(world)
    assert len(world.versions) == 2


def test_what_is_stored_for_another_user_or_client_is_replaced() -> None:
    world = World()
    rotate(world)
    assert rotate(world, "other@example.com") == 2
    assert world.versions[-1].username == "other@example.com"
    assert world.passwords["other@example.com"] == world.versions[-1].password != world.versions[0].password


def test_a_second_rotation_meanwhile_is_noticed() -> None:
    class Shared(World):
        def revoke(self, username: str) -> None:
            self.versions.append(Secret(username, CLIENT, "theirs"))

    world = Shared()
    rotation = Rotation(world, world, USER, CLIENT)
    standing, steps = rotation.look()
    with pytest.raises(SmokeUserError, match="somebody else has stored another password meanwhile") as raised:
        rotation.carry_out(standing, steps)
    assert raised.value.touched


def test_without_a_working_password_smoke_says_what_to_do() -> None:
    world = World()
    with pytest.raises(SmokeUserError, match=r"rotate_smoke_user\.yml, or give TL_TOKEN"):
        sign_in(world, world)
    rotate(world)
    world.passwords[USER] = "somebody else's"
    with pytest.raises(SmokeUserError, match="no stored password of the smoke user signs in"):
        sign_in(world, world)


def test_passwords_are_long_different_and_fit_every_policy_of_cognito() -> None:
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert len(password) == 32
        assert set(password) & set(string.ascii_lowercase)
        assert set(password) & set(string.ascii_uppercase)
        assert set(password) & set(string.digits)
        assert set(password) & set("-_.~+=")


def test_a_secret_is_read_back_and_shown_nowhere() -> None:
    secret = Secret(USER, CLIENT, "hidden")
    assert secret_of(secret.to_json()) == secret
    assert "hidden" not in f"{secret!r} {secret} {Stored(secret, 1)!r}"


@pytest.mark.parametrize("text", ["", "hunter2", "[]", '{"username": "a"}', "null"])
def test_what_is_no_secret_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(SmokeUserError, match="holds no user and password") as raised:
        secret_of(text)
    assert raised.value.__cause__ is None
    assert not text or text not in str(raised.value)


class Cognito:
    """A client that answers every sign-in with the same thing."""

    def __init__(self, answer: dict[str, str] | Exception) -> None:
        self._answer = answer

    def initiate_auth(self, **_given: object) -> dict[str, str]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_a_second_factor_is_refused_by_name() -> None:
    users = CognitoUsers(None, Cognito({"ChallengeName": "SOFTWARE_TOKEN_MFA"}))
    with pytest.raises(SmokeUserError, match="for SOFTWARE_TOKEN_MFA: a smoke user must have no MFA"):
        users.sign_in(Secret(USER, CLIENT, "hidden"))


def test_an_error_text_that_quotes_the_password_is_told_without_it() -> None:
    refusal = ClientError({"Error": {"Code": "InvalidParameterException", "Message": "bad 'hidden'"}}, "InitiateAuth")
    with pytest.raises(SmokeUserError, match=r"bad '\*\*\*'") as raised:
        CognitoUsers(None, Cognito(refusal)).sign_in(Secret(USER, CLIENT, "hidden"))
    assert "hidden" not in str(raised.value)
    assert raised.value.__suppress_context__

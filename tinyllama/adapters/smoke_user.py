"""The smoke user in Cognito, and its password in SSM Parameter Store.

Source: Amazon Cognito API Reference, "AdminSetUserPassword", "AdminUserGlobalSignOut", "InitiateAuth"; AWS Systems
Manager API Reference, "PutParameter", and of its User Guide "Working with parameter versions".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.smoke_user import PARAMETER, Secret, SmokeUserError, Stored, secret_of

_NONE = {"ParameterNotFound", "ParameterVersionNotFound"}
_TAGS = [{"Key": "Project", "Value": "tinyllama"}, {"Key": "Role", "Value": "smoke"}]


def connect(service: str, *, region: str | None = None, endpoint_url: str | None = None, signed: bool = True) -> Any:
    """A client; what is not given comes from the environment. Raises `SmokeUserError`."""
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    if not signed:  # as users call Cognito: without credentials
        config = config.merge(Config(signature_version=UNSIGNED))
    with _errors():
        return boto3.client(service, config=config, region_name=region, endpoint_url=endpoint_url)  # type: ignore[call-overload]


@contextmanager
def _errors(secret: str = "") -> Iterator[None]:
    """What boto3 raises, as `SmokeUserError`; without the secret, should it be in the text."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        text = str(error).replace(secret, "***") if secret else str(error)
        raise SmokeUserError(f"{text}.", code=code) from (None if secret else error)


class ParameterVault:
    """`Vault` as an encrypted parameter, whose older versions Parameter Store keeps."""

    def __init__(self, client: Any, name: str = PARAMETER) -> None:
        self._client, self._name = client, name

    def stored(self, version: int | None = None) -> Stored | None:
        name = self._name if version is None else f"{self._name}:{version}"
        try:
            with _errors():
                found = self._client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        except SmokeUserError as error:
            if error.code in _NONE:
                return None
            raise
        return Stored(secret_of(found["Value"]), found["Version"])

    def store(self, secret: Secret) -> None:
        given = {"Name": self._name, "Type": "SecureString", "Value": secret.to_json(), "Tier": "Standard"}
        new = {"Description": "The user that smoke tests sign in as", "Tags": _TAGS}
        with _errors(secret.password):
            if self.stored() is None:  # tags can be given to a new one only
                self._client.put_parameter(**given, **new)
            else:
                self._client.put_parameter(**given, Overwrite=True)


class CognitoUsers:
    """`Users` in a user pool; `admin` is a client with credentials, `user` one without."""

    def __init__(self, admin: Any, user: Any, pool_id: str = "") -> None:
        self._admin, self._user, self._pool = admin, user, pool_id

    def exists(self, username: str) -> bool:
        try:
            with _errors():
                self._admin.admin_get_user(UserPoolId=self._pool, Username=username)
        except SmokeUserError as error:
            if error.code == "UserNotFoundException":
                return False
            raise
        return True

    def create(self, username: str) -> None:
        attributes = [{"Name": "email", "Value": username}, {"Name": "email_verified", "Value": "true"}]
        given = {"MessageAction": "SUPPRESS", "UserAttributes": attributes}
        try:
            with _errors():
                self._admin.admin_create_user(UserPoolId=self._pool, Username=username, **given)
        except SmokeUserError as error:
            if error.code != "UsernameExistsException":
                raise

    def set_password(self, username: str, password: str) -> None:
        with _errors(password):
            self._admin.admin_set_user_password(
                UserPoolId=self._pool, Username=username, Password=password, Permanent=True
            )

    def revoke(self, username: str) -> None:
        with _errors():
            self._admin.admin_user_global_sign_out(UserPoolId=self._pool, Username=username)

    def sign_in(self, secret: Secret) -> str | None:
        asked = {"USERNAME": secret.username, "PASSWORD": secret.password}
        try:
            with _errors(secret.password):
                answer = self._user.initiate_auth(
                    ClientId=secret.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=asked
                )
        except SmokeUserError as error:
            if error.code in {"NotAuthorizedException", "UserNotFoundException"}:
                return None
            raise
        if "AuthenticationResult" not in answer:
            challenge = answer.get("ChallengeName", "more")
            raise SmokeUserError(f"Cognito asks {secret.username} for {challenge}: a smoke user must have no MFA.")
        return str(answer["AuthenticationResult"]["IdToken"])

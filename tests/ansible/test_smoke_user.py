"""The module `tl_smoke_user`, the runbook `rotate_smoke_user.yml`, and `tl_smoke` signing in with what they store."""

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.exceptions import ClientError

from library import tl_smoke_user
from tests.ansible.conftest import Cloud, Run, killed_with_its_workers, once
from tests.ansible.test_smoke import Api, api
from tinyllama.adapters.smoke_user import CognitoUsers, ParameterVault, connect
from tinyllama.smoke_user import sign_in

__all__ = ["api"]  # the fixture
USER, PARAMETER = "smoke-bot@example.com", "/tinyllama/smoke-user"
CHANGES = {"AdminCreateUser", "AdminSetUserPassword", "AdminUserGlobalSignOut", "PutParameter"}
Module = Callable[..., dict[str, Any]]
Runbook = Callable[..., Run]


@dataclass(frozen=True)
class Pool:
    """The user pool, and what stands in Parameter Store."""

    cloud: Cloud
    pool_id: str
    client_id: str

    @property
    def cognito(self) -> Any:
        return self.cloud.aws.client("cognito-idp")

    def passwords(self) -> list[str]:
        """All that was ever stored, oldest first."""
        ssm = self.cloud.aws.client("ssm")
        try:
            found = ssm.get_parameter_history(Name=PARAMETER, WithDecryption=True)["Parameters"]
        except ssm.exceptions.ParameterNotFound:
            return []
        return [json.loads(one["Value"])["password"] for one in found]

    def sign_in(self, password: str) -> dict[str, Any]:
        asked = {"USERNAME": USER, "PASSWORD": password}
        answer = self.cognito.initiate_auth(
            ClientId=self.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=asked
        )
        return dict(answer["AuthenticationResult"])

    def writes(self) -> list[str]:
        """What was changed, oldest first; to sign in changes nothing."""
        calls = self.cloud.aws.calls("ssm") + self.cloud.aws.calls("cognito-idp")
        return [
            call["operation"] for call in sorted(calls, key=lambda one: one["time"]) if call["operation"] in CHANGES
        ]

    def told(self) -> str:
        """All that the local AWS has recorded."""
        return json.dumps([self.cloud.aws.calls(service) for service in ("ssm", "cognito-idp", "logs")])


@pytest.fixture
def pool(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Pool:
    cognito = cloud.aws.client("cognito-idp")
    [found] = cognito.list_user_pools(MaxResults=10)["UserPools"]
    [client] = cognito.list_user_pool_clients(UserPoolId=found["Id"])["UserPoolClients"]
    monkeypatch.setenv("COGNITO_USER_POOL_ID", found["Id"])
    monkeypatch.setenv("COGNITO_CLIENT_ID", client["ClientId"])
    cloud.aws.clear()
    return Pool(cloud, found["Id"], client["ClientId"])


@pytest.fixture
def module(pool: Pool, capsys: pytest.CaptureFixture[str]) -> Module:
    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            tl_smoke_user.main()
        printed = capsys.readouterr()
        assert not [password for password in pool.passwords() if password in printed.out + printed.err]
        answer: dict[str, Any] = json.loads(printed.out)
        return answer

    return run


def actions(answer: dict[str, Any]) -> list[str]:
    return [step["action"] for step in answer["steps"]]


def test_check_foretells_what_do_does_and_each_do_makes_another_password(pool: Pool, module: Module) -> None:
    checked = module(check=True)
    assert pool.writes() == []
    done = module()
    assert {**checked, "invocation": 0} == {**done, "invocation": 0}
    assert actions(done) == ["create", "store", "set", "revoke", "verify"]
    assert pool.writes() == ["AdminCreateUser", "PutParameter", "AdminSetUserPassword", "AdminUserGlobalSignOut"]
    checked, again = module(check=True), module()
    assert {**checked, "invocation": 0} == {**again, "invocation": 0}
    assert (again["before"]["version"], again["after"]["version"]) == (1, 2)
    old, new = pool.passwords()
    assert old != new
    assert pool.sign_in(new)["IdToken"]
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        pool.sign_in(old)
    assert not [password for password in (old, new) if password in pool.told()]


def test_sessions_of_before_end(pool: Pool, module: Module) -> None:
    module()
    tokens = pool.sign_in(pool.passwords()[-1])
    module()
    given = {"REFRESH_TOKEN": tokens["RefreshToken"]}
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        pool.cognito.initiate_auth(ClientId=pool.client_id, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=given)


def test_it_is_stored_encrypted_and_for_nothing(pool: Pool, module: Module) -> None:
    module()
    ssm = pool.cloud.aws.client("ssm")
    [stored] = ssm.describe_parameters()["Parameters"]
    assert (stored["Type"], stored["Tier"]) == ("SecureString", "Standard")
    assert stored["KeyId"] == "alias/aws/ssm"
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=PARAMETER)["TagList"]
    assert {"Key": "Project", "Value": "tinyllama"} in tags


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("ssm:PutParameter", "AccessDeniedException"),
        ("cognito-idp:AdminSetUserPassword", "InvalidPasswordException"),
        ("cognito-idp:AdminUserGlobalSignOut", "TooManyRequestsException"),
    ],
)
def test_a_step_that_fails_is_gone_on_with_by_the_next_run(
    pool: Pool, module: Module, operation: str, code: str
) -> None:
    module()
    pool.cloud.aws.fail(operation, code, times=None, status=400)
    failed = module()
    assert code in failed["msg"]
    assert "Running the same command again goes on" in failed["msg"]
    assert failed["restored"] is False
    pool.cloud.aws.clear()
    assert module()["changed"]
    assert pool.sign_in(pool.passwords()[-1])["IdToken"]


def test_a_pool_that_does_not_exist_is_named_and_nothing_is_touched(pool: Pool, module: Module) -> None:
    refused = module(user_pool_id="eu-central-1_nothing")
    assert "ResourceNotFoundException" in refused["msg"]
    assert (refused["restored"], pool.writes()) == (None, [])


def test_the_runbook_asks_for_confirmation_rotates_and_tells_the_password_to_nobody(
    pool: Pool, runbook: Runbook
) -> None:
    checked, refused = runbook("rotate_smoke_user", "--check", "--diff"), runbook("rotate_smoke_user")
    assert (checked.code, refused.code, pool.writes()) == (0, 2, []), checked.output
    assert f"-e confirm={USER}" in refused.output
    done = runbook("rotate_smoke_user", "--diff", "-vvv", confirm=USER)
    assert done.code == 0, done.output
    assert checked.diff == done.diff
    [password] = pool.passwords()
    heard = checked.output + done.output + json.dumps(done.audit) + pool.told() + json.dumps(pool.cloud.audited())
    assert password not in heard
    assert [line["outcome"] for line in done.audit] == ["refused", "changed"]
    assert (done.audit[-1]["node"], done.audit[-1]["after"]["version"]) == (USER, 1)


@pytest.mark.parametrize("operation", ["AdminSetUserPassword", "AdminUserGlobalSignOut"])
def test_a_rotation_that_is_killed_leaves_smoke_working_and_is_completed_by_running_it_again(
    pool: Pool, module: Module, runbook: Runbook, operation: str
) -> None:
    module()
    pool.cloud.aws.clear()
    pool.cloud.aws.fail(f"cognito-idp:{operation}", delay_s=30, code="InternalErrorException", status=500)
    url = f"{pool.cloud.aws.url}/_tl/faults"
    kill = once(lambda: not httpx.get(url).json()["faults"], killed_with_its_workers)  # once the armed fault has hit
    assert runbook("rotate_smoke_user", meanwhile=kill, confirm=USER).code == -signal.SIGKILL
    vault = ParameterVault(connect("ssm"))
    assert sign_in(vault, CognitoUsers(connect("cognito-idp"), connect("cognito-idp", signed=False)))
    left = module()
    assert actions(left)[0] == ("set" if operation == "AdminSetUserPassword" else "store")
    assert pool.sign_in(pool.passwords()[-1])["IdToken"]


def test_smoke_signs_in_with_what_is_stored(
    pool: Pool, module: Module, runbook: Runbook, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TL_TOKEN")
    module()
    api.authorization = None  # the pool makes another token each time
    run = runbook("smoke", folder=str(tmp_path))
    assert run.code == 0, run.output
    assert "passed in" in run.output
    assert pool.passwords()[-1] not in run.output + json.dumps(run.audit)

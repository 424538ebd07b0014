"""What the main job finds in the account, and that its user's tokens really verify."""

import boto3
import httpx
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws.account import Account
from local.aws.seed import seed
from local.aws.server import StrictAws
from tests.integration.aws.instances import describe


def sign_in(endpoint_url: str, account: Account) -> str:
    """A fresh ID token of the account's user, unsigned as a browser asks for it: that needs no AWS credentials."""
    config, region = Config(signature_version=UNSIGNED), account.region
    answer = boto3.client("cognito-idp", region_name=region, endpoint_url=endpoint_url, config=config).initiate_auth(
        ClientId=account.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": account.username, "PASSWORD": account.password},
    )
    return answer["AuthenticationResult"]["IdToken"]


def verified(account: Account, token: str, audience: str) -> dict[str, object]:
    key = jwt.PyJWKClient(account.jwks_url).get_signing_key_from_jwt(token)
    claims: dict[str, object] = jwt.decode(
        token, key.key, algorithms=["RS256"], audience=audience, issuer=account.issuer
    )
    return claims


def test_the_node_is_a_stopped_t3_small_with_its_tags(aws: StrictAws) -> None:
    account = seed(aws.url)

    node = describe(aws.client("ec2"), account.instance_id)

    assert (node["State"]["Name"], node["InstanceType"]) == ("stopped", "t3.small")
    tags = {tag["Key"]: tag["Value"] for tag in node["Tags"]}
    assert tags == {"Project": "tinyllama", "Role": "gpu-node", "Name": "tinyllama-gpu"}
    settings = httpx.get(f"{aws.url}/_tl/settings").json()
    assert (settings["boot_s"], settings["stop_s"]) == (5.0, 2.0)


def test_the_bucket_takes_a_reply(aws: StrictAws) -> None:
    account, s3 = seed(aws.url), aws.client("s3")

    s3.put_object(Bucket=account.reply_bucket, Key="1.json", Body=b"{}")

    assert account.reply_bucket == "tlfif-responses-123456789012"
    assert s3.get_object(Bucket=account.reply_bucket, Key="1.json")["Body"].read() == b"{}"


@pytest.mark.parametrize("region", ["eu-central-1", "eu-west-1"])
def test_the_id_token_verifies_against_the_key_set_that_the_server_serves(aws: StrictAws, region: str) -> None:
    account = seed(aws.url, region)

    claims = verified(account, sign_in(aws.url, account), account.client_id)

    assert claims["token_use"] == "id"
    assert claims["iss"] == account.issuer == f"https://cognito-idp.{region}.amazonaws.com/{account.user_pool_id}"
    assert claims["email"] == "demo@example.com"
    assert "cognito:groups" not in claims
    assert account.jwks_url.startswith(aws.url)


def test_a_token_for_another_client_or_a_tampered_one_does_not_verify(aws: StrictAws) -> None:
    account = seed(aws.url)
    token = sign_in(aws.url, account)
    head, payload, signature = token.split(".")

    with pytest.raises(jwt.InvalidAudienceError):
        verified(account, token, "another-client")
    with pytest.raises(jwt.InvalidSignatureError):
        verified(account, f"{head}.{payload}.{signature[:-8]}AAAAAAAA", account.client_id)


def test_the_wrong_password_does_not_sign_in(aws: StrictAws) -> None:
    account = seed(aws.url)

    with pytest.raises(ClientError, match="NotAuthorizedException"):
        sign_in(aws.url, account.model_copy(update={"password": "wrong"}))
    assert account.password not in repr(account)


def test_the_group_of_admins_exists_and_a_member_has_it_in_the_token(aws: StrictAws) -> None:
    account, cognito = seed(aws.url), aws.client("cognito-idp")
    pool = account.user_pool_id
    assert cognito.list_users_in_group(UserPoolId=pool, GroupName="admins")["Users"] == []
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=account.username, GroupName="admins")

    claims = verified(account, sign_in(aws.url, account), account.client_id)

    assert claims["cognito:groups"] == ["admins"]


def test_the_credentials_of_the_environment_are_not_needed_to_sign_in(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = seed(aws.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.setup_default_session()

    assert sign_in(aws.url, account).count(".") == 2

"""What the main job needs in the account until Terraform makes it: a stopped node, a bucket, a role, a user."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from local.aws.account import Account
from local.aws.ec2.images import UBUNTU_22_04
from local.aws.queue import ACCOUNT_ID, create_queue
from local.aws.ssm.seed import create_resize_document

if TYPE_CHECKING:
    from types_boto3_cognito_idp import CognitoIdentityProviderClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import TagTypeDef

_CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
_TAGS = {"Project": "tinyllama", "Role": "gpu-node", "Name": "tinyllama-gpu"}
_LEASE_ROLE = "tinyllama-lease"
_PATIENCE_S = 30.0


def read_models() -> None:
    """Read the API models that `seed` needs; boto3 keeps them. For a process that would only wait for the server."""
    for service in ("ec2", "s3", "cognito-idp", "iam", "ssm"):
        _client(service, "http://127.0.0.1", "eu-central-1")


def seed(endpoint_url: str, region: str = "eu-central-1", *, queue: str = "redis") -> Account:
    """Fill an empty local account; with what `TL_QUEUE=sqs` needs, if that is the queue.

    The node goes through all its real states, but without the simulated delays, which are put back afterwards.
    Raises TimeoutError when it does not reach `stopped`.
    """
    with _without_delays(endpoint_url):
        instance_id = _node(_client("ec2", endpoint_url, region))
    bucket = f"tlfif-responses-{ACCOUNT_ID}"
    _client("s3", endpoint_url, region).create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
    )
    username, password = "demo@example.com", f"Aa1!{secrets.token_urlsafe(18)}"
    queue_url = queue_table = ""
    if queue == "sqs":
        sqs, dynamodb = (_client(service, endpoint_url, region) for service in ("sqs", "dynamodb"))
        queue_url, queue_table = create_queue(sqs, dynamodb)
    pool, client_id = _user(_client("cognito-idp", endpoint_url, region), username, password)
    iam, ssm = (_client(service, endpoint_url, region) for service in ("iam", "ssm"))
    lease_role = _lease_role(iam)
    create_resize_document(iam, ssm, region=region, lease_role_arn=lease_role, lease_group="default")
    return Account(
        region=region,
        instance_id=instance_id,
        reply_bucket=bucket,
        lease_role_arn=lease_role,
        user_pool_id=pool,
        client_id=client_id,
        issuer=f"https://cognito-idp.{region}.amazonaws.com/{pool}",
        jwks_url=f"{endpoint_url}/{pool}/.well-known/jwks.json",
        username=username,
        password=password,
        queue_url=queue_url,
        queue_table=queue_table,
    )


def sign_in(endpoint_url: str, account: Account) -> str:
    """Return a fresh ID token of the account's user."""
    # Unsigned, as a browser or the GUI calls it: signing in needs no AWS credentials.
    cognito: CognitoIdentityProviderClient = boto3.client(
        "cognito-idp",
        region_name=account.region,
        endpoint_url=endpoint_url,
        config=Config(signature_version=UNSIGNED),
    )
    answer = cognito.initiate_auth(
        ClientId=account.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": account.username, "PASSWORD": account.password},
    )
    return answer["AuthenticationResult"]["IdToken"]


def _lease_role(iam: Any) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {
        "Effect": "Allow",
        "Action": "ec2:StopInstances",
        "Resource": f"arn:aws:ec2:*:{ACCOUNT_ID}:instance/*",
        "Condition": {"StringEquals": {f"aws:ResourceTag/{key}": _TAGS[key] for key in ("Project", "Role")}},
    }
    made = iam.create_role(RoleName=_LEASE_ROLE, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=_LEASE_ROLE, PolicyName="stop-the-node", PolicyDocument=_policy(allowed))
    return str(made["Role"]["Arn"])


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _client(service: str, endpoint_url: str, region: str) -> Any:
    return boto3.client(service, region_name=region, endpoint_url=endpoint_url, **_CREDENTIALS)  # type: ignore[call-overload]


def _node(ec2: "EC2Client") -> str:
    tags: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in _TAGS.items()]
    launched = ec2.run_instances(
        ImageId=UBUNTU_22_04,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        MetadataOptions={"HttpTokens": "required"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    instance_id = launched["Instances"][0]["InstanceId"]
    _wait_for(ec2, instance_id, "running")
    ec2.stop_instances(InstanceIds=[instance_id])
    _wait_for(ec2, instance_id, "stopped")
    return instance_id


def _wait_for(ec2: "EC2Client", instance_id: str, state: str) -> None:
    # boto3's own waiters count in whole attempts of 15 s, made for the real cloud.
    end = time.monotonic() + _PATIENCE_S
    while True:
        found = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        if found["State"]["Name"] == state:
            return
        if time.monotonic() > end:
            raise TimeoutError(
                f"{instance_id} is still {found['State']['Name']} after {_PATIENCE_S:.0f} s, not {state}"
            )
        time.sleep(0.02)


def _user(cognito: "CognitoIdentityProviderClient", username: str, password: str) -> tuple[str, str]:
    pool = cognito.create_user_pool(
        PoolName="tinyllama", UsernameAttributes=["email"], AutoVerifiedAttributes=["email"]
    )["UserPool"]["Id"]
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="tinyllama",
        GenerateSecret=False,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]["ClientId"]
    cognito.create_group(UserPoolId=pool, GroupName="admins")
    cognito.admin_create_user(
        UserPoolId=pool,
        Username=username,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": username}, {"Name": "email_verified", "Value": "true"}],
    )
    cognito.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)
    return pool, client_id


@contextmanager
def _without_delays(endpoint_url: str) -> Iterator[None]:
    settings = f"{endpoint_url}/_tl/settings"
    before = _json(settings)
    _json(settings, {"boot_s": 0, "stop_s": 0})
    try:
        yield
    finally:
        _json(settings, before)


def _json(url: str, body: Any = None) -> Any:
    request = Request(url, data=None if body is None else json.dumps(body).encode())  # noqa: S310 - http on loopback
    with urlopen(request, timeout=5) as answer:  # noqa: S310
        return json.load(answer)

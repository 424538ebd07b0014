"""What the main job needs in the account until Terraform makes it: a stopped node, a bucket, a role, a user."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.aws.account import Account
from local.aws.ec2.images import UBUNTU_22_04
from local.aws.plain_client import PATIENCE_S, PlainClient
from local.aws.queue import ACCOUNT_ID, create_queue
from local.aws.ssm.seed import create_resize_document
from local.http_link import HttpLink

_TAGS = {"Project": "tinyllama", "Role": "gpu-node", "Name": "tinyllama-gpu"}
_LEASE_ROLE = "tinyllama-lease"
_PLACE = "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>"


def seed(endpoint_url: str, region: str = "eu-central-1", *, queue: str = "redis") -> Account:
    """Fill an empty local account; with what `TL_QUEUE=sqs` needs, if that is the queue.

    The node goes through all its real states, but without the simulated delays, which are put back afterwards.
    Raises TimeoutError when it does not reach `stopped`.
    """
    link = HttpLink(endpoint_url, PATIENCE_S)
    try:
        return _filled(link, endpoint_url, region, queue)
    finally:
        link.close()


def _filled(link: HttpLink, endpoint_url: str, region: str, queue: str) -> Account:
    def client(service: str) -> PlainClient:
        return PlainClient(link, service, region)

    with _without_delays(link):
        instance_id = _node(client("ec2"))
    bucket = f"tlfif-responses-{ACCOUNT_ID}"
    client("s3").send("PUT", f"/{bucket}", _PLACE.format(region))
    username, password = "demo@example.com", f"Aa1!{secrets.token_urlsafe(18)}"
    queue_url = queue_table = ""
    if queue == "sqs":
        queue_url, queue_table = create_queue(client("sqs"), client("dynamodb"))
    pool, client_id = _user(client("cognito-idp"), username, password)
    lease_role = _lease_role(iam := client("iam"))
    create_resize_document(iam, client("ssm"), region=region, lease_role_arn=lease_role, lease_group="default")
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


def _lease_role(iam: PlainClient) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {
        "Effect": "Allow",
        "Action": "ec2:StopInstances",
        "Resource": f"arn:aws:ec2:*:{ACCOUNT_ID}:instance/*",
        "Condition": {"StringEquals": {f"aws:ResourceTag/{key}": _TAGS[key] for key in ("Project", "Role")}},
    }
    iam.create_role(RoleName=_LEASE_ROLE, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=_LEASE_ROLE, PolicyName="stop-the-node", PolicyDocument=_policy(allowed))
    return f"arn:aws:iam::{ACCOUNT_ID}:role/{_LEASE_ROLE}"


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _node(ec2: PlainClient) -> str:
    tags = {f"TagSpecification.1.Tag.{place}.Key": name for place, name in enumerate(_TAGS, start=1)}
    values = {f"TagSpecification.1.Tag.{place}.Value": value for place, value in enumerate(_TAGS.values(), start=1)}
    launched = ec2.run_instances(
        ImageId=UBUNTU_22_04,
        InstanceType="t3.small",
        MinCount="1",
        MaxCount="1",
        **{"MetadataOptions.HttpTokens": "required", "TagSpecification.1.ResourceType": "instance", **tags, **values},
    )
    instance_id = str(launched.findtext(".//{*}instanceId"))
    _wait_for(ec2, instance_id, "running")
    ec2.stop_instances(**{"InstanceId.1": instance_id})
    _wait_for(ec2, instance_id, "stopped")
    return instance_id


def _wait_for(ec2: PlainClient, instance_id: str, state: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        found = ec2.describe_instances(**{"InstanceId.1": instance_id}).findtext(".//{*}instanceState/{*}name")
        if found == state:
            return
        if time.monotonic() > end:
            raise TimeoutError(f"{instance_id} is still {found} after {PATIENCE_S:.0f} s, not {state}")
        time.sleep(0.02)


def _user(cognito: PlainClient, username: str, password: str) -> tuple[str, str]:
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
def _without_delays(link: HttpLink) -> Iterator[None]:
    before = link.ask("GET", "/_tl/settings", {}).json()
    link.ask("POST", "/_tl/settings", {}, b'{"boot_s": 0, "stop_s": 0}')
    try:
        yield
    finally:
        link.ask("POST", "/_tl/settings", {}, json.dumps(before).encode())

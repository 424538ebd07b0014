"""Calls without boto3 are the calls that boto3 makes; a refusal is told, not swallowed."""

from collections.abc import Iterator

import pytest

from local.aws.plain_client import PlainClient
from local.aws.server import StrictAws
from local.http_link import HttpLink

REGION = "eu-west-1"


@pytest.fixture
def link(aws: StrictAws) -> Iterator[HttpLink]:
    found = HttpLink(aws.url, 10)
    yield found
    found.close()


def test_it_reaches_the_service_and_the_region_that_were_meant(aws: StrictAws, link: HttpLink) -> None:
    made = PlainClient(link, "cognito-idp", REGION).create_user_pool(PoolName="ours")
    PlainClient(link, "iam", REGION).create_role(RoleName="ours", AssumeRolePolicyDocument="{}")
    images = PlainClient(link, "ec2", REGION).describe_images(**{"Owner.1": "099720109477"})

    pools = aws.client("cognito-idp", REGION).list_user_pools(MaxResults=10)["UserPools"]
    assert [pool["Id"] for pool in pools] == [made["UserPool"]["Id"]]
    assert aws.client("iam").get_role(RoleName="ours")["Role"]["RoleName"] == "ours"
    assert images.findtext(".//{*}imageOwnerId") == "099720109477"
    assert [call["operation"] for call in aws.calls("ec2")] == ["DescribeImages"]


def test_a_refusal_is_raised_with_what_the_server_said(aws: StrictAws, link: HttpLink) -> None:
    aws.fail("ec2:StopInstances", "UnauthorizedOperation")

    with pytest.raises(RuntimeError, match=r"ec2.*UnauthorizedOperation"):
        PlainClient(link, "ec2", REGION).stop_instances(**{"InstanceId.1": "i-00000000000000000"})
    with pytest.raises(RuntimeError, match=r"cognito-idp.*ResourceNotFound"):
        PlainClient(link, "cognito-idp", REGION).create_group(UserPoolId="eu-west-1_no", GroupName="ours")

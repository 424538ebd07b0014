"""A fault reaches the caller as the very error that AWS would send, and calls are recorded."""

import time
from typing import Any

import httpx
import pytest

from local.aws.ec2.images import UBUNTU_22_04
from local.aws.server import StrictAws
from tests.integration.aws.instances import CLOCK, describe, refused, stopped_instance, wait_for


def arm(aws: StrictAws, **fault: Any) -> httpx.Response:
    return httpx.post(f"{aws.url}/_tl/faults", json=fault)


def test_missing_capacity_hits_only_the_named_instance_type(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node, big = stopped_instance(ec2), stopped_instance(ec2, "g4dn.xlarge")
    no_gpu = {"operation": "ec2:StartInstances", "code": "InsufficientInstanceCapacity", "times": None}
    assert arm(aws, **no_gpu, match={"InstanceType": "g4dn.xlarge"}).status_code == 201

    ec2.start_instances(InstanceIds=[node])
    assert refused(ec2.start_instances, InstanceIds=[big])[:2] == ("InsufficientInstanceCapacity", 500)
    assert describe(ec2, big)["State"]["Name"] == "stopped"
    ec2.modify_instance_attribute(InstanceId=big, InstanceType={"Value": "t3.small"})
    ec2.start_instances(InstanceIds=[big])

    assert wait_for(ec2, big, "running")["InstanceType"] == "t3.small"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "status"),
    [
        ("ec2", "DescribeInstances", {}, "RequestLimitExceeded", 503),
        ("ec2", "DescribeInstances", {}, "UnauthorizedOperation", 403),
        ("s3", "PutObject", {"Bucket": "bucket", "Key": "k.json", "Body": b"x" * 300_000}, "SlowDown", 503),
        ("s3", "PutObject", {"Bucket": "bucket", "Key": "k.json", "Body": b"x"}, "AccessDenied", 403),
        ("cognito-idp", "ListUserPools", {"MaxResults": 1}, "TooManyRequestsException", 400),
        ("dynamodb", "ListTables", {}, "ThrottlingException", 400),
        ("ssm", "DescribeParameters", {}, "InternalError", 500),
        ("sts", "GetCallerIdentity", {}, "AccessDenied", 403),
        ("scheduler", "CreateScheduleGroup", {"Name": "g"}, "ThrottlingException", 429),
        ("apigatewayv2", "GetApis", {}, "TooManyRequestsException", 429),
        ("lambda", "GetFunction", {"FunctionName": "f"}, "ServiceException", 500),
    ],
)
def test_a_fault_is_raised_by_botocore_with_its_code_once(
    aws: StrictAws, service: str, operation: str, parameters: dict[str, Any], code: str, status: int
) -> None:
    client = aws.client(service)
    arm(aws, operation=f"{service}:{operation}", code=code, times=1, status=status)

    with pytest.raises(client.exceptions.ClientError) as caught:
        client._make_api_call(operation, parameters)

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert httpx.get(f"{aws.url}/_tl/faults").json() == {"faults": []}
    record = aws.calls(service)[-1]
    assert (record["operation"], record["status"], record["injected"]) == (operation, status, True)


def test_each_code_has_the_status_that_aws_gives_it(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    for code in ("RequestLimitExceeded", "UnauthorizedOperation", "InsufficientInstanceCapacity", "IncorrectState"):
        aws.fail("ec2:DescribeInstances", code)

    assert [refused(ec2.describe_instances)[1] for _ in range(4)] == [503, 403, 500, 400]


def test_a_fault_hits_as_often_as_told_and_then_the_call_works(aws: StrictAws) -> None:
    s3 = aws.client("s3")
    aws.fail("s3:ListBuckets", "SlowDown", times=2)

    assert [refused(s3.list_buckets)[0] for _ in range(2)] == ["SlowDown", "SlowDown"]
    assert s3.list_buckets()["Buckets"] == []


def test_a_fault_without_a_limit_lasts_until_it_is_cleared(aws: StrictAws) -> None:
    s3 = aws.client("s3")
    aws.fail("s3:ListBuckets", "SlowDown", times=None)
    assert [refused(s3.list_buckets)[0] for _ in range(3)] == ["SlowDown"] * 3

    assert httpx.delete(f"{aws.url}/_tl/faults").status_code == 200

    assert s3.list_buckets()["Buckets"] == []


def test_a_delay_without_a_code_only_makes_the_call_slow(aws: StrictAws) -> None:
    s3 = aws.client("s3")
    arm(aws, operation="s3:ListBuckets", delay_s=0.3)
    began = time.monotonic()

    assert s3.list_buckets()["Buckets"] == []
    assert time.monotonic() - began >= 0.3


def test_an_object_survives_the_layer_unchanged(aws: StrictAws) -> None:
    s3, body = aws.client("s3"), bytes(range(256)) * 1000
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="bucket", Key="a key/with ä.json", Body=body, ContentType="application/json")

    assert s3.get_object(Bucket="bucket", Key="a key/with ä.json")["Body"].read() == body


@pytest.mark.parametrize(
    ("fault", "field", "hint"),
    [
        ({"operation": "ec2:StartInstance", "code": "X"}, "operation", "ec2 has no operation"),
        ({"operation": "nosuch:Call", "code": "X"}, "operation", "service:Operation"),
        ({"operation": "StartInstances", "code": "X"}, "operation", "service:Operation"),
        ({"operation": "ec2:StartInstances"}, "body", "needs a code"),
        ({"operation": "ec2:StartInstances", "code": "X", "times": 0}, "times", "greater than or equal to 1"),
        ({"operation": "ec2:StartInstances", "code": "X", "delay_s": 61}, "delay_s", "less than or equal to 60"),
        ({"operation": "ec2:StartInstances", "code": "<x>"}, "code", "pattern"),
        ({"operation": "ec2:StartInstances", "code": "X", "colour": "red"}, "colour", "not permitted"),
        ({"code": "X"}, "operation", "required"),
    ],
)
def test_a_bad_fault_is_answered_with_what_is_allowed(
    aws: StrictAws, fault: dict[str, Any], field: str, hint: str
) -> None:
    answer = arm(aws, **fault)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert hint in answer.json()["fields"][field]


def test_other_bad_requests_to_the_control_routes_get_json_too(aws: StrictAws) -> None:
    not_json = httpx.post(f"{aws.url}/_tl/faults", content=b"{")
    no_route = httpx.get(f"{aws.url}/_tl/nothing")
    no_method = httpx.delete(f"{aws.url}/_tl/settings")
    bad_delay = httpx.post(f"{aws.url}/_tl/settings", json={"boot_s": -1})

    assert [r.status_code for r in (not_json, no_route, no_method, bad_delay)] == [400, 404, 405, 400]
    assert "/_tl/faults" in no_route.json()["detail"]
    assert "boot_s" in bad_delay.json()["fields"]


def test_calls_are_recorded_and_writes_can_be_told_from_reads(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = stopped_instance(ec2)
    httpx.delete(f"{aws.url}/_tl/calls")
    ec2.start_instances(InstanceIds=[node])
    describe(ec2, node)
    refused(ec2.stop_instances, InstanceIds=[node])

    calls = httpx.get(f"{aws.url}/_tl/calls").json()["calls"]

    told = [(call["service"], call["operation"], call["status"], call["write"]) for call in calls]
    assert told == [
        ("ec2", "StartInstances", 200, True),
        ("ec2", "DescribeInstances", 200, False),
        ("ec2", "StopInstances", 400, True),
    ]


def test_delays_change_while_it_runs(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    changed = httpx.post(f"{aws.url}/_tl/settings", json={"boot_s": 600})
    assert changed.json() == httpx.get(f"{aws.url}/_tl/settings").json()
    assert (changed.json()["boot_s"], changed.json()["stop_s"]) == (600.0, 2.0)
    node = ec2.run_instances(ImageId=UBUNTU_22_04, InstanceType="t3.small", MinCount=1, MaxCount=1)["Instances"][0]
    CLOCK.advance(599)

    assert describe(ec2, node["InstanceId"])["State"]["Name"] == "pending"


def test_an_operation_that_is_not_simulated_says_so_instead_of_showing_a_traceback(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")

    code, status, message = refused(ec2.describe_trunk_interface_associations)

    assert (code, status) == ("NotImplemented", 501)
    assert "describe_trunk_interface_associations" in message


def test_metadata_is_not_served_beside_aws_without_a_token(aws: StrictAws) -> None:
    answer = httpx.get(f"{aws.url}/latest/meta-data/iam/security-credentials/")

    assert answer.status_code == 404

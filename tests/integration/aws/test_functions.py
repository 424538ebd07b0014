"""Lambda: what the role does not allow is refused when the function is made, and what was given is read back."""

import io
import json
import zipfile
from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import refused

DEAD = "arn:aws:sqs:eu-central-1:123456789012:tinyllama-undelivered"


@pytest.fixture
def role(aws: StrictAws) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return str(aws.client("iam").create_role(RoleName="router", AssumeRolePolicyDocument=document)["Role"]["Arn"])


def allow(aws: StrictAws, action: str, resource: str) -> None:
    statement = {"Effect": "Allow", "Action": [action], "Resource": [resource]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName="router", PolicyName="duties", PolicyDocument=document)


def wanted(role: str, **more: Any) -> dict[str, Any]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", "")
    code = {"ZipFile": packed.getvalue()}
    return {"FunctionName": "router", "Role": role, "Runtime": "python3.12", "Handler": "h.h", "Code": code, **more}


def test_a_dead_letter_queue_that_the_role_may_not_write_to_is_refused(aws: StrictAws, role: str) -> None:
    lambdas = aws.client("lambda")
    allow(aws, "sqs:SendMessage", f"{DEAD}-other")
    refusal = refused(lambdas.create_function, **wanted(role, DeadLetterConfig={"TargetArn": DEAD}))
    assert refusal[0] == "InvalidParameterValueException"
    assert refusal[2] == "The provided execution role does not have permissions to call SendMessage on SQS"
    assert lambdas.list_functions()["Functions"] == []


def test_a_vpc_without_the_right_to_join_it_is_refused(aws: StrictAws, role: str) -> None:
    inside = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    refusal = refused(aws.client("lambda").create_function, **wanted(role, VpcConfig=inside))
    assert refusal[2] == "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"


def test_an_update_is_checked_like_a_creation(aws: StrictAws, role: str) -> None:
    lambdas = aws.client("lambda")
    lambdas.create_function(**wanted(role))
    change = {"FunctionName": "router", "DeadLetterConfig": {"TargetArn": DEAD}}
    assert refused(lambdas.update_function_configuration, **change)[0] == "InvalidParameterValueException"
    allow(aws, "sqs:SendMessage", DEAD)
    assert lambdas.update_function_configuration(**change)["DeadLetterConfig"] == {"TargetArn": DEAD}


def test_where_it_logs_is_read_back_also_of_a_published_version(aws: StrictAws, role: str) -> None:
    lambdas = aws.client("lambda")
    own = {"LogFormat": "Text", "LogGroup": "/apigw/tinyllama-access"}
    lambdas.create_function(**wanted(role, LoggingConfig=own, Publish=True))
    for which in ("$LATEST", "1"):
        assert lambdas.get_function_configuration(FunctionName="router", Qualifier=which)["LoggingConfig"] == own


def test_by_default_it_logs_to_a_group_of_its_name(aws: StrictAws, role: str) -> None:
    made = aws.client("lambda").create_function(**wanted(role))
    assert made["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/router"}

"""The resize document of Terraform's, and the role that it works with, in an account that Terraform has not made."""

import json
from typing import Any

from local.aws.queue import ACCOUNT_ID
from local.processes import ROOT
from tinyllama.domain.prices import known_types

TEMPLATE = ROOT / "terraform" / "modules" / "node" / "documents" / "TL-ResizeInstance.yaml"
DOCUMENT, ROLE = "TL-ResizeInstance", "tinyllama-resize-document"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/{ROLE}"
_OWN_TAGS = {"aws:ResourceTag/Project": "tinyllama", "aws:ResourceTag/Role": "gpu-node"}


def create_resize_document(iam: Any, ssm: Any, *, region: str, lease_role_arn: str, lease_group: str) -> None:
    """Create document and role; the text is Terraform's, with what `templatefile` would put into it."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "ssm.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ssm:*:{ACCOUNT_ID}:automation-execution/*"},
        },
    }
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(trust))
    allowed = _policy(*duties(region, lease_role_arn, lease_group))
    iam.put_role_policy(RoleName=ROLE, PolicyName="duties", PolicyDocument=allowed)
    values = {
        "role_arn": ROLE_ARN,
        "lease_group": lease_group,
        "lease_role_arn": lease_role_arn,
        "partition": "aws",
        "types": json.dumps(["", *known_types(region)]),
    }
    ssm.create_document(Name=DOCUMENT, DocumentType="Automation", DocumentFormat="YAML", Content=rendered(values))


def rendered(values: dict[str, str]) -> str:
    """Terraform's template with the values in their places."""
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def duties(region: str, lease_role_arn: str, lease_group: str) -> list[dict[str, Any]]:
    """What the role may do: the statements of its policy in Terraform."""
    lease = f"arn:aws:scheduler:{region}:{ACCOUNT_ID}:schedule/{lease_group}/tinyllama-lease-*"
    return [
        {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["ec2:ModifyInstanceAttribute", "ec2:StartInstances", "ec2:StopInstances"],
            "Resource": f"arn:aws:ec2:{region}:{ACCOUNT_ID}:instance/*",
            "Condition": {"StringEquals": _OWN_TAGS},
        },
        {"Effect": "Allow", "Action": ["scheduler:CreateSchedule", "scheduler:UpdateSchedule"], "Resource": lease},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": lease_role_arn,
            "Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        },
    ]


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

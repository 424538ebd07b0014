"""`make plan`: refuses a Terraform plan whose buckets cannot be made, since their names are taken.

Bucket names are one list for the whole world. Terraform sees only in the middle of an apply that somebody else has one.
Reads the plan, asks S3 for each bucket that it would make, and takes the plan away where one is taken. Exit codes: 0
all names are free, 1 some are taken, 2 the plan could not be read or S3 did not answer.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_FREE, _FOREIGN = "404", "403"


def to_be_made(plan: Mapping[str, Any]) -> dict[str, str]:
    """The buckets that a plan (`terraform show -json`) would make: names by address."""
    return {
        one["address"]: one["change"]["after"]["bucket"]
        for one in plan.get("resource_changes", ())
        if one["type"] == "aws_s3_bucket" and "create" in one["change"]["actions"] and one["change"]["before"] is None
    }


def taken(s3: Any, buckets: Mapping[str, str]) -> Iterator[str]:
    """What to do about each name that is taken. Raises ClientError for any other answer than there is or is none."""
    for address, name in buckets.items():
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == _FOREIGN:
                yield (
                    f"{name}: somebody else in the world has a bucket of this name. Set another bucket_suffix in "
                    "terraform.tfvars, such as the account id and -2, and plan again."
                )
            elif code != _FREE:
                raise
        else:
            yield (
                f"{name}: this account has such a bucket, which Terraform does not know. Take it over with "
                f"`terraform import '{address}' {name}`, or set another bucket_suffix, and plan again."
            )


def main(argv: list[str]) -> int:
    """Judge the plan file that is named."""
    plan = Path(argv[0])
    command = ["terraform", f"-chdir={plan.parent}", "show", "-json", plan.name]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode:
        sys.stderr.write(f"plan: {shown.stderr.strip() or 'terraform show failed'}\n")
        return 2
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        found = list(taken(boto3.client("s3", config=config), to_be_made(json.loads(shown.stdout))))
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"plan: S3 does not say whether names of buckets are free: {error}\n")
        return 2
    if found:
        plan.unlink()
        sys.stderr.write(
            "plan: taken away again, since it could not be applied.\n" + "".join(f"{line}\n" for line in found)
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Writes the SSM parameters directly below a path as an environment file: read_settings.py PATH FILE.

The last part of a parameter's name is the variable's. Credentials are the instance's own, from IMDS. The file is
replaced in one step, so that whoever reads it finds the old settings or the new ones. Exit code 1: it was left alone.
"""

import os
import re
import sys
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_UNFIT = re.compile(r"['\"\\\n\r\0$`]")


def read(path: str) -> dict[str, str]:
    """Every parameter directly below the path. Raises what boto3 raises, and ValueError for one that does not fit."""
    config = Config(connect_timeout=5, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
    pages = (
        boto3.client("ssm", config=config)
        .get_paginator("get_parameters_by_path")
        .paginate(Path=path, WithDecryption=True)
    )
    found = {item["Name"].rpartition("/")[2]: item["Value"] for page in pages for item in page["Parameters"]}
    for name, text in found.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"parameter {path}/{name}: a setting's name is capitals, digits and underscores")
        if _UNFIT.search(text):
            raise ValueError(f"parameter {path}/{name}: no quote, dollar, backslash or line break may be in a setting")
    if not found:
        raise ValueError(f"no parameter below {path}: check worker_ssm_path, the region, and ssm:GetParametersByPath")
    return found


def main() -> int:
    """Read and write."""
    path, file = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    try:
        settings = read(path)
    except (BotoCoreError, ClientError, ValueError) as error:
        sys.stderr.write(f"settings: {error}\n")
        return 1
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.writelines(f"{name}='{text}'\n" for name, text in sorted(settings.items()))
    aside.replace(file)
    sys.stdout.write(f"settings: {len(settings)} from {path}: {', '.join(sorted(settings))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

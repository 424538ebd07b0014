"""What botocore reads before it can ask a service (model, endpoints), read once for all processes forked later."""

import contextlib
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError
from botocore.session import Session

_NOWHERE: Any = {"region_name": "us-east-1", "aws_access_key_id": "-", "aws_secret_access_key": "-"}


def preload(*services: str) -> None:
    """Let `boto3.client` be quick for these services, here and in every process that is forked from this one.

    A fork reads again what its parent has not: 0.1 to 0.4 s of processor time a service (docs/adr/0070). Nothing is
    sent. What is wrong with the environment is left to be said by whoever really asks.
    """
    with contextlib.suppress(BotoCoreError, ValueError):
        for service in services:
            _session().create_client(service, **_NOWHERE)


@cache
def _session() -> Session:
    session = botocore.session.get_session()
    boto3.setup_default_session(botocore_session=session)
    return session

"""Settings: one frozen model per process, read from the environment once.

A setting's environment variable is its field name in capitals. Not `pydantic-settings`: it would
add to the cold start of every Lambda, for a loop of four lines.
"""

import os
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tinyllama.domain.errors import SettingsError
from tinyllama.domain.lease import LeasePolicy

ROLE_ARN = r"^arn:aws[\w-]*:iam::\d{12}:role/.+"


class Settings(BaseModel):
    """Base of every process's settings."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read and check the settings; an empty variable counts as missing.

        Raises:
            SettingsError: names every missing or bad variable.
        """
        found = {name: environ[name.upper()] for name in cls.model_fields if environ.get(name.upper())}
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            # A fault of several settings together has no place: its message names them.
            faults = (": ".join([*(str(part).upper() for part in i["loc"][:1]), i["msg"]]) for i in error.errors())
            raise SettingsError("bad environment: " + "; ".join(faults)) from None


class QueueSettings(Settings):
    """Which queue, and where it is. `TL_QUEUE=redis` needs `REDIS_HOST`, `sqs` needs the other three."""

    tl_queue: Literal["redis", "sqs"] = "redis"
    redis_host: str = ""
    redis_port: int = Field(6379, ge=1, le=65_535)
    queue_url: str = Field("", pattern=r"^https?://|^$")
    queue_table: str = ""
    aws_region: str = ""
    queue_timeout_s: float = Field(1.0, gt=0, le=20)
    """For one call to SQS or DynamoDB, and as long again for a second try."""

    @model_validator(mode="after")
    def _has_its_address(self) -> Self:
        needed = {"redis": ("redis_host",), "sqs": ("queue_url", "queue_table", "aws_region")}[self.tl_queue]
        missing = [name.upper() for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"{', '.join(missing)}: required while TL_QUEUE is {self.tl_queue} (redis or sqs)")
        return self


class LeaseSettings(Settings):
    """What those who grant a node's lease and those who renew it have to agree on.

    `LEASE_ROLE_ARN` is the role that EventBridge Scheduler takes on to stop the node.
    """

    lease_role_arn: str = Field(pattern=ROLE_ARN)
    lease_group: str = Field("default", min_length=1)
    node_lease_s: int = Field(3_600, ge=60)
    max_lease_s: int = Field(10_800, ge=60)

    @property
    def lease_policy(self) -> LeasePolicy:
        """How long a lease is, and how long a node may run at most."""
        return LeasePolicy(self.node_lease_s, self.max_lease_s)

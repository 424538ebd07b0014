"""Settings: one frozen model per process, read from the environment once.

A setting's environment variable is its field name in capitals. Not `pydantic-settings`: it would
add to the cold start of every Lambda, for a loop of four lines.
"""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
            faults = (f"{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors() if item["loc"])
            raise SettingsError("bad environment: " + "; ".join(faults)) from None


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

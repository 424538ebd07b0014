"""Settings: one frozen model per process, read from the environment once.

A setting's environment variable is its field name in capitals. Not `pydantic-settings`: it would
add to the cold start of every Lambda, for a loop of four lines.
"""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tinyllama.domain.errors import SettingsError


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

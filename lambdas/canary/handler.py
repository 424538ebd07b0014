"""Entry point of `canary`: asks the router how it is every five minutes, and takes a broken deploy back.

It has no token: 401 with our body is what a router that works answers, and it spends nobody's bucket.
"""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import Field

from lambdas.json_text import json_text
from tinyllama.adapters.lambda_alias import LambdaAlias, connect
from tinyllama.domain.alias import AliasError
from tinyllama.domain.canary import Look, step_back, well
from tinyllama.settings import Settings

LOOKS, PAUSE_S = 2, 10.0
"""So many failures in a row are one too many; so long between two looks, in s."""
_LOOK_S = 5.0
_BODY_MAX_BYTES = 65_536


class CanarySettings(Settings):
    """Environment of the function; names in capitals."""

    api_url: str = Field(pattern=r"^https?://")
    function_name: str = Field(min_length=1)
    alias: str = Field(min_length=1)


@cache
def settings() -> CanarySettings:
    """The settings of this container."""
    return CanarySettings.from_env()


def look(url: str) -> Look:
    """Ask once; whatever goes wrong on the way is what was seen."""
    try:
        with urllib.request.urlopen(url, timeout=_LOOK_S) as answer:  # noqa: S310 -- the settings check the scheme
            return Look(answer.status, dict(answer.headers.lower_items()), answer.read(_BODY_MAX_BYTES))
    except urllib.error.HTTPError as refusal:
        with refusal:
            named = {name.lower(): text for name, text in refusal.headers.items()}
            return Look(refusal.code, named, refusal.read(_BODY_MAX_BYTES))
    except OSError as error:
        return Look(trouble=f"{type(error).__name__}: {error}")


def lambda_handler(_event: Mapping[str, Any], _context: object = None) -> dict[str, Any]:
    """Look, and look again after a failure; two take the deploy back.

    Raises:
        AliasError: the router is not well and there is nothing to take back, or AWS refused. The scheduler tries again,
            and an alarm counts what it could not deliver.
    """
    env = settings()
    url = f"{env.api_url.rstrip('/')}/health"
    for number in range(LOOKS):
        if number:
            time.sleep(PAUSE_S)
        seen = look(url)
        if well(seen):
            return _said({"event": "router is well", "seen": str(seen)})
        _said({"event": "router is not well", "seen": str(seen)})
    return _take_back(env)


def _take_back(env: CanarySettings) -> dict[str, Any]:
    alias = LambdaAlias(connect(), env.function_name, env.alias)
    now = alias.route()
    target = step_back(now, alias.versions())
    if target is None:
        raise AliasError(f"the router is not well and version {now} is no new deploy: docs/ops/lambda_router.md")
    alias.move(target)
    return _said({"event": "rolled back", "from": str(now), "to": str(target)})


def _said(record: dict[str, Any]) -> dict[str, Any]:
    sys.stdout.write(json_text(record) + "\n")
    return record

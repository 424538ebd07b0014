#!/usr/bin/python
"""Ansible module: one prompt through the whole path. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

try:
    from tinyllama.adapters.smoke_path import SmokePath, publish
    from tinyllama.adapters.smoke_user import CognitoUsers, ParameterVault, connect
    from tinyllama.domain.errors import SmokeError
    from tinyllama.domain.smoke import Verdict
    from tinyllama.domain.smoke_user import SmokeUserError
    from tinyllama.smoke import run as run_through
    from tinyllama.smoke_user import sign_in

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_smoke
short_description: Send one prompt through the API and wait for its reply in S3
description:
  - Sends a random prompt to C(POST /infer), looks for the reply object until 120 seconds have passed, and publishes the
    metric C(SmokeDuration). A node that sleeps is woken by that, which costs money.
  - Under 90 seconds it has passed, up to 120 it is slow (a warning), else the module fails.
options:
  api_url:
    description: The API's address. E(TL_API_URL) if not given.
    type: str
    required: true
  token:
    description: An ID token of a user. E(TL_TOKEN) if not given, else that of the user in O(user_parameter).
    type: str
  user_parameter:
    description: The SSM parameter with the smoke user, as M(tl_smoke_user) stores it.
    type: str
    default: /tinyllama/smoke-user
  bucket:
    description: The bucket of replies. E(REPLY_BUCKET) if not given.
    type: str
    required: true
  folder:
    description: Folder for C(reply.json) and C(timing.txt), made if needed.
    type: path
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 5.0
requirements: [tinyllama for the Python that runs the module]
attributes:
  check_mode:
    description: Asks C(GET /health) only, which wakes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Does it work
  tl_smoke: {folder: build/smoke}
"""

RETURN = r"""
health:
  description: What the API said of the node before, V(ready), V(starting) or V(stopped).
  returned: success
  type: str
verdict:
  description: V(passed), V(slow) or V(failed); not in check mode.
  returned: when a prompt was accepted
  type: str
reason:
  description: Why.
  returned: when a prompt was accepted
  type: str
duration:
  description: Seconds from the request to the reply.
  returned: when a prompt was accepted
  type: float
job:
  description: The job's id.
  returned: when a prompt was accepted
  type: str
restored:
  description: Null when no prompt was accepted, else false; nothing has to be put back.
  returned: failure
  type: bool
"""


def _from(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "str", "fallback": (env_fallback, [name]), **more}


ARGUMENTS: dict[str, dict[str, Any]] = {
    "api_url": _from("TL_API_URL", required=True),
    "token": _from("TL_TOKEN", no_log=True),
    "user_parameter": {"type": "str", "default": "/tinyllama/smoke-user"},
    "bucket": _from("REPLY_BUCKET", required=True),
    "folder": {"type": "path"},
    "poll_interval": {"type": "float", "default": 5.0},
}


def run(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return ensure(options, check=check)
    except (SmokeError, SmokeUserError, OSError) as error:
        return {"failed": True, "msg": str(error), "restored": None}


def ensure(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Look; unless in check mode send a prompt, wait, and keep what came."""
    path = SmokePath(options["api_url"], options["token"] or _token(options["user_parameter"]), options["bucket"])
    health = path.health()
    if check:
        return {"changed": False, "health": health}
    job, reply, outcome = run_through(path, f"smoke {uuid.uuid4()}", poll_s=options["poll_interval"])
    if options["folder"]:
        _keep(Path(options["folder"]), reply, f"{outcome.seconds:.1f} s {outcome.verdict}: {outcome.reason}\n")
    warnings = [outcome.reason] if outcome.verdict is Verdict.SLOW else []
    try:
        publish(outcome.seconds)
    except SmokeError as error:
        warnings.append(str(error))
    answer = {
        "changed": False,
        "health": health,
        "job": job,
        "verdict": outcome.verdict.value,
        "reason": outcome.reason,
        "duration": round(outcome.seconds, 1),
        **({"warnings": warnings} if warnings else {}),
    }
    failed = {"failed": True, "msg": outcome.reason, "restored": False}
    return answer | (failed if outcome.verdict is Verdict.FAILED else {})


def _token(parameter: str) -> str:
    users = CognitoUsers(connect("cognito-idp"), connect("cognito-idp", signed=False))
    return sign_in(ParameterVault(connect("ssm"), parameter), users)


def _keep(folder: Path, reply: bytes | None, timing: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reply.json").write_bytes(reply or b"")
    (folder / "timing.txt").write_text(timing, encoding="utf-8")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    answered = run(module.params, check=module.check_mode)
    if answered.pop("failed", False):
        module.fail_json(**answered)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

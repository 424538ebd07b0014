#!/usr/bin/python
"""Ansible module: another password for the smoke user. Documentation and arguments; the rest is tinyllama's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

try:
    from tinyllama.adapters.smoke_user import CognitoUsers, ParameterVault, connect
    from tinyllama.domain.smoke_user import PARAMETER, RotationStep, SmokeUserError, Standing
    from tinyllama.smoke_user import Rotation

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_smoke_user
short_description: Give the user of smoke tests another password
description:
  - Makes a password, stores it encrypted in SSM Parameter Store, where M(tl_smoke) finds it, makes it the user's in
    Cognito, ends the sessions of before, and signs in with it. The user is created if needed; nobody gets a mail.
  - The password is chosen at random and is in no result, diff, log or audit line.
  - Each run makes another one, unless an earlier run was broken off; then that one's is brought to its end.
options:
  user:
    description: The user's name, which is a mail address that nobody has to own.
    type: str
    default: smoke-bot@example.com
  user_pool_id:
    description: The user pool. E(COGNITO_USER_POOL_ID) if not given.
    type: str
    required: true
  client_id:
    description: The app client that the user signs in with. E(COGNITO_CLIENT_ID) if not given.
    type: str
    required: true
  parameter:
    description: Name of the SSM parameter.
    type: str
    default: /tinyllama/smoke-user
extends_documentation_fragment: [tl_place]
attributes:
  check_mode:
    description: Predicts the result and the diff, and sends no call that changes anything. It signs in with what is
      stored, to see whether it works.
    support: full
  diff_mode:
    description: The version of the stored password, before and after, 0 for none.
    support: full
"""

EXAMPLES = r"""
- name: Another password for the smoke user
  tl_smoke_user: {}
"""

RETURN = r"""
before:
  description: The version of the stored password, 0 for none, and whether the user exists.
  returned: success
  type: dict
  sample: {version: 3, exists: true}
after:
  description: The same at the end, in check mode as it would be.
  returned: success
  type: dict
  sample: {version: 4, exists: true}
steps:
  description: What was done, in check mode what would be.
  returned: success
  type: list
  elements: dict
  sample: [{action: store, target: version 4, reason: "a new password, in SSM Parameter Store"}]
restored:
  description: Null when nothing was touched, else false; running the module again goes on.
  returned: failure
  type: bool
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "user": {"type": "str", "default": "smoke-bot@example.com"},
    "user_pool_id": {"type": "str", "required": True, "fallback": (env_fallback, ["COGNITO_USER_POOL_ID"])},
    "client_id": {"type": "str", "required": True, "fallback": (env_fallback, ["COGNITO_CLIENT_ID"])},
    "parameter": {"type": "str", "default": "/tinyllama/smoke-user"},
    **{name: {"type": "str"} for name in ("region", "endpoint_url")},
}


def run(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return ensure(options, check=check, tell=tell)
    except SmokeUserError as error:
        return {"failed": True, "msg": str(error), "restored": False if error.touched else None}


def ensure(options: dict[str, Any], *, check: bool, tell: Callable[[str], object]) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and read again."""
    place = {"region": options["region"], "endpoint_url": options["endpoint_url"]}
    admin, user = connect("cognito-idp", **place), connect("cognito-idp", signed=False, **place)
    vault = ParameterVault(connect("ssm", **place), options["parameter"] or PARAMETER)
    users = CognitoUsers(admin, user, options["user_pool_id"])
    rotation = Rotation(vault, users, options["user"], options["client_id"], tell=tell)
    standing, steps = rotation.look()
    predicted = standing.version + any(step.action == "store" for step in steps)
    version = predicted if check else rotation.carry_out(standing, steps)
    return answer(options["user"], standing, version, steps)


def answer(user: str, standing: Standing, version: int, steps: Sequence[RotationStep]) -> dict[str, Any]:
    """Put the result together: the same whether it was done or only predicted."""
    before, after = {"version": standing.version, "exists": standing.exists}, {"version": version, "exists": True}
    return {
        "changed": True,
        "node": {"id": user},
        "before": before,
        "after": after,
        "steps": [asdict(step) for step in steps],
        "diff": {"before": before, "after": after},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    answered = run(module.params, check=module.check_mode, tell=module.log)
    if answered.pop("failed", False):
        module.fail_json(**answered)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

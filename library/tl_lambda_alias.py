#!/usr/bin/python
"""Ansible module: an alias of a Lambda function. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.lambda_alias import LambdaAlias, connect
    from tinyllama.domain.alias import AliasError, Route, choose, to_prune

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_lambda_alias
short_description: Point the alias of a tinyllama function to a version
description:
  - Moves an alias to a version, to the one before, or to two versions at once (a canary), and nothing else. It is not
    moved when somebody else has moved it since it was read.
  - Without O(version) it changes nothing and returns what there is.
options:
  function:
    description: Name of the function.
    type: str
    default: tinyllama-router
  alias:
    description: Name of the alias.
    type: str
    default: prod
  version:
    description: A version's number, or V(previous) for the newest one before the one that the alias points to.
    type: str
  canary:
    description: A second version, which gets O(share) of the requests. Without it, all go to O(version).
    type: int
  share:
    description: The canary's share, above 0 and below 1.
    type: float
    default: 0.1
  keep:
    description: Delete all versions but so many of the newest, and those that an alias points to. None if not given.
    type: int
extends_documentation_fragment: [tl_place]
attributes:
  check_mode:
    description: Predicts the result and the diff, and sends no call that changes anything.
    support: full
  diff_mode:
    description: The alias's route, before and after.
    support: full
"""

EXAMPLES = r"""
- name: Back to the version before
  tl_lambda_alias: {version: previous}

- name: A tenth of the requests to version 8, and the five newest versions stay
  tl_lambda_alias: {version: "7", canary: 8, share: 0.1, keep: 5}
"""

RETURN = r"""
before:
  description: The route at the beginning; C(canary) is null when there is none.
  returned: success
  type: dict
  sample: {version: 8, canary: null, share: 0.0}
after:
  description: The route at the end, in check mode as it would be.
  returned: success
  type: dict
  sample: {version: 7, canary: null, share: 0.0}
versions:
  description: The published versions, oldest first, in check mode as they would be left.
  returned: success
  type: list
  elements: int
pruned:
  description: Versions that were deleted, or in check mode would be.
  returned: success
  type: list
  elements: int
steps:
  description: What was done, in check mode what would be.
  returned: success
  type: list
  elements: dict
  sample: [{action: move, target: "7", reason: the alias points to 8}]
restored:
  description: Always null; a failure to move the alias has touched nothing.
  returned: failure
  type: bool
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "function": {"type": "str", "default": "tinyllama-router"},
    "alias": {"type": "str", "default": "prod"},
    **{name: {"type": "str"} for name in ("version", "region", "endpoint_url")},
    **{name: {"type": "int"} for name in ("canary", "keep")},
    "share": {"type": "float", "default": 0.1},
}


def run(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return ensure(options, check=check)
    except AliasError as error:
        return {"failed": True, "msg": str(error), "restored": None}


def ensure(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and read again."""
    client = connect(region=options["region"], endpoint_url=options["endpoint_url"])
    alias = LambdaAlias(client, options["function"], options["alias"])
    before, versions = alias.route(), sorted(alias.versions())
    wanted = options["version"]
    share = {"canary": options["canary"], "share": options["share"]}
    after = before if wanted is None else choose(before, versions, wanted, **share)
    old = [] if options["keep"] is None else to_prune(versions, keep=options["keep"], used=_used(alias, before, after))
    if not check:
        after = alias.move(after) if after != before else after
        for version in old:
            alias.remove(version)
    return answer(before, after, versions, old)


def _used(alias: LambdaAlias, before: Route, after: Route) -> set[int]:
    # The one that the alias has just left is what a rollback goes back to.
    named = {before.version, after.version, after.canary or after.version}
    return alias.used() | named


def answer(before: Route, after: Route, versions: list[int], pruned: list[int]) -> dict[str, Any]:
    """Put the result together: the same whether it was done or only predicted."""
    steps = (
        [{"action": "move", "target": str(after), "reason": f"the alias points to {before}"}] if after != before else []
    )
    steps += [{"action": "delete", "target": f"version {version}", "reason": "it is old"} for version in pruned]
    shown = [{"version": one.version, "canary": one.canary, "share": one.share} for one in (before, after)]
    return {
        "changed": bool(steps),
        "before": shown[0],
        "after": shown[1],
        "versions": [version for version in versions if version not in pruned],
        "pruned": pruned,
        "steps": steps,
        "diff": {"before": shown[0], "after": shown[1]},
    }


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

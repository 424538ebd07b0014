#!/usr/bin/python
"""Ansible module: a look at the whole account. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.account_look import AwsAccount
    from tinyllama.doctor import Doctor
    from tinyllama.domain.account import LookError
    from tinyllama.domain.checkup import OUTPUTS, Deployment, DeploymentError, deployment_of
    from tinyllama.domain.findings import EXIT_CODES, Severity, Verdict, as_dict, summary, table, verdict

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_doctor
short_description: Look over the account that tinyllama runs in
description:
  - Looks at quotas, ends of life, what differs from Terraform, nodes without a lease and leases without a node, and at
    what costs money though nobody uses it. It changes nothing, in check mode or not.
  - What AWS does not let us see becomes a finding of its own, V(unseen).
  - With O(judge) it looks at nothing, and makes an exit code of findings.
options:
  deployment:
    description: File with what C(terraform output -json) prints. Without it, nothing is compared with Terraform.
    type: path
  lease_group:
    description: The schedule group of leases. Terraform's, then E(LEASE_GROUP), then C(tinyllama-leases), if not given.
    type: str
  today:
    description: Judge ends of life as on that day, C(2027-01-31). Today if not given.
    type: str
  judge:
    description: The C(findings) of an earlier look. A bad one makes the module fail; if there is none, but something
      could not be looked at, the host counts as unreachable.
    type: list
    elements: dict
  fail_on:
    description: From which severity on a finding is a failure.
    type: str
    choices: [note, warning, problem]
    default: warning
extends_documentation_fragment: [tl_place]
attributes:
  check_mode:
    description: The same, since nothing is ever changed.
    support: full
"""

EXAMPLES = r"""
- name: Look
  tl_doctor: {deployment: build/deployment.json}
  register: found

- name: Tell a script by the exit code of ansible-playbook, 0, 2 or 4
  tl_doctor: {judge: "{{ found.findings }}"}
"""

RETURN = r"""
findings:
  description: What was found; C(severity) is V(fine), V(note), V(unseen), V(warning) or V(problem).
  returned: without O(judge)
  type: list
  elements: dict
  sample: [{severity: warning, area: orphans, subject: volume vol-1, text: "untagged, ...", eur_month: "8.33"}]
table:
  description: The same for people, worst first.
  returned: without O(judge)
  type: str
summary:
  description: The same in a line.
  returned: without O(judge)
  type: str
verdict:
  description: V(fine), V(found) or V(unseen).
  returned: success
  type: str
exit_code:
  description: What C(ansible-playbook) will return for it.
  returned: success
  type: int
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "deployment": {"type": "path"},
    **{name: {"type": "str"} for name in ("lease_group", "today", "region", "endpoint_url")},
    "judge": {"type": "list", "elements": "dict"},
    "fail_on": {"type": "str", "choices": ["note", "warning", "problem"], "default": "warning"},
}
_GROUP = "tinyllama-leases"


def run(options: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return {"changed": False, **(look if options["judge"] is None else judge)(options)}
    except (DeploymentError, LookError) as error:
        return {"failed": True, "msg": str(error), "restored": None}
    except (KeyError, ValueError) as error:
        wrong = f"judge takes the findings of an earlier look, not this: {error}"
        return {"failed": True, "msg": wrong, "restored": None}


def look(options: dict[str, Any]) -> dict[str, Any]:
    """Look at everything."""
    deployment = _deployment(options["deployment"])
    now = time.time()
    findings = Doctor(
        account=AwsAccount(region=options["region"], endpoint_url=options["endpoint_url"]),
        deployment=deployment,
        lease_group=options["lease_group"] or deployment.lease_group or os.environ.get("LEASE_GROUP") or _GROUP,
        python=".".join(platform.python_version_tuple()[:2]),
        now=now,
        today=_day(options["today"]) if options["today"] else datetime.fromtimestamp(now, UTC).date(),
    ).look()
    judged = verdict((one.severity for one in findings), fail_on=Severity(options["fail_on"]))
    return {
        "findings": [as_dict(one) for one in findings],
        "table": table(findings),
        "summary": summary(findings),
        "verdict": judged.value,
        "exit_code": EXIT_CODES[judged],
    }


def _deployment(path: str | None) -> Deployment:
    if not path:
        return Deployment()
    try:
        return deployment_of(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(f"{path}: {error.strerror}. Make it: cd terraform && {OUTPUTS}") from error
    except DeploymentError as error:
        raise DeploymentError(f"{path}: {error}") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DeploymentError(f"today={text} is no day: write it as 2027-01-31") from error


def judge(options: dict[str, Any]) -> dict[str, Any]:
    """Make of findings what Ansible makes an exit code of."""
    severities = [Severity(one["severity"]) for one in options["judge"]]
    judged = verdict(severities, fail_on=Severity(options["fail_on"]))
    outcome: dict[str, Any] = {"verdict": judged.value, "exit_code": EXIT_CODES[judged]}
    match judged:
        case Verdict.FOUND:
            bad = f"Something is {options['fail_on']} or worse: the table above says what to do. Exit code 2."
            return {**outcome, "failed": True, "msg": bad}
        case Verdict.UNSEEN:
            unseen = "Nothing bad was found, but not everything could be looked at: see the table above. Exit code 4."
            return {**outcome, "unreachable": True, "msg": unseen}
        case _:
            return outcome


def main() -> None:
    """Run the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("tinyllama"), exception=MISSING)
    answered = run(module.params)
    if answered.pop("failed", False):
        module.fail_json(**answered)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

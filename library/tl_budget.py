#!/usr/bin/python
"""Ansible module: budget and wake switch. Documentation, arguments and results; the rest is tinyllama's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from tinyllama.adapters.aws_budget import AwsBudget, account_of, by_service, connect
    from tinyllama.adapters.aws_json import AwsJson
    from tinyllama.adapters.ec2_address import NodeAddress
    from tinyllama.adapters.queue_cluster import QueueCluster
    from tinyllama.adapters.spenders import Spenders
    from tinyllama.adapters.wake_parameter import WakeParameter
    from tinyllama.domain import budget as domain
    from tinyllama.domain.budget import BudgetError, BudgetStep, Standing, Wanted
    from tinyllama.domain.errors import TinyllamaError
    from tinyllama.domain.wake_switch import BUDGET, WakeSwitch, resets

    MISSING = None
except ImportError as error:
    MISSING = error

DOCUMENTATION = r"""
module: tl_budget
short_description: The month's budget, what is spent of it, and whether requests may wake the node
description:
  - Without O(limit_eur) and O(wake) it changes nothing and returns the facts - limit, spending, forecast and alerts of
    the budget C(tlfif-monthly), the wake switch, and how the node, its address and Redis are, so that one sees what the
    budget's killer did.
  - With O(limit_eur) it changes the limit, with O(wake) the switch. A higher limit is set before wakes are allowed, and
    wakes are forbidden before a limit is lowered.
  - What AWS Budgets says lags by 8 to 12 hours, and is 0 after a change of the limit until AWS has counted again. What
    O(by_service) finds is newer.
  - The next C(terraform apply) sets the limit to its variable C(budget_eur). Terraform leaves the switch alone.
options:
  limit_eur:
    description:
      - The limit, EUR, such as V(25) or V(25.50). AWS Budgets keeps it in USD, at the rate of tinyllama's price list.
      - Refused at or below what is spent already.
    type: str
  wake:
    description: Whether requests may wake the node. V(disabled) holds until the month ends.
    type: str
    choices: [enabled, disabled]
  force:
    description: Also accept a limit of more than EUR 40, twice what this is made for.
    type: bool
    default: false
  by_service:
    description: Also ask Cost Explorer what each service has cost this month. Each question costs USD 0.01.
    type: bool
    default: false
  expect_account: {description: Account id; in another account nothing is done., type: str}
  expect_region: {description: Region; in another one nothing is done., type: str}
extends_documentation_fragment: [tl_place]
attributes:
  check_mode:
    description: Predicts the result and the diff, and sends no call that changes anything.
    support: full
  diff_mode:
    description: Limit and wake switch, before and after.
    support: full
"""

EXAMPLES = r"""
- name: What is spent, and what did the killer do
  tl_budget: {}

- name: Five euros more, and requests may wake the node again
  tl_budget: {limit_eur: "25", wake: enabled}

- name: What costs so much
  tl_budget: {by_service: true}
"""

RETURN = r"""
before:
  description: Limit and wake switch at the beginning.
  returned: success
  type: dict
  sample: {limit_eur: "20.00", limit_usd: "22.87", wake: "disabled (budget) until 2026-12-01T00:00:00Z"}
after:
  description: The same at the end, in check mode as it would be.
  returned: success
  type: dict
  sample: {limit_eur: "25.00", limit_usd: "28.59", wake: enabled}
budget:
  description: >-
    The facts at the beginning. C(forecast_eur) is null where AWS has none yet; C(exhausted) whether as much is spent as
    the limit allows.
  returned: success
  type: dict
  sample: {name: tlfif-monthly, spent_eur: "21.30", forecast_eur: "24.00", exhausted: true,
           resets: "2026-12-01T00:00:00Z",
           alerts: [{percent: "105", of: actual, at_eur: "21.00", state: ALARM}],
           wake: {enabled: false, reason: budget, since: "2026-11-23T17:00:00Z", until: "2026-12-01T00:00:00Z"}}
spend:
  description: What each service has cost this month, the dearest first; null unless it was asked for.
  returned: success
  type: list
  elements: dict
  sample: [{service: Amazon Elastic Compute Cloud - Compute, eur: "17.49"}]
found:
  description: >-
    The nodes, their addresses and the Redis cluster as they are. C(by_killer) is true of a node that was stopped when
    wakes were forbidden; Redis is C(wanted) where Terraform has made its groups. A text where they cannot be seen. Null
    where a change was asked for.
  returned: success
  type: dict
  sample: {nodes: [{id: i-0123456789abcdef0, state: stopped, why: "User initiated (2026-11-23 17:00:01 GMT)",
                    stopped_at: "2026-11-23T17:00:01Z", by_killer: true}],
           addresses: [], queue: {state: absent, wanted: false}}
node:
  description: What the audit line is about.
  returned: success
  type: dict
  sample: {id: tlfif-monthly, account: "123456789012", region: eu-central-1}
steps:
  description: What was done, in order; in check mode what would be done.
  returned: success
  type: list
  elements: dict
  sample: [{action: limit, target: EUR 25.00, reason: it is EUR 20.00}]
restored:
  description: Null when nothing had been touched, else false.
  returned: failure
  type: bool
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    **{name: {"type": "str"} for name in ("limit_eur", "expect_account", "expect_region", "region", "endpoint_url")},
    "wake": {"type": "str", "choices": ["enabled", "disabled"]},
    **{name: {"type": "bool", "default": False} for name in ("force", "by_service")},
}
_TIMEOUT_S = 5.0


def run(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module answers; a failure has `failed`. Also called by the action plugin."""
    try:
        return ensure(options, check=check)
    except BudgetError as error:
        return {"failed": True, "msg": str(error), "restored": False if error.touched else None}
    except TinyllamaError as error:  # read only, so far
        return {"failed": True, "msg": f"{error} Nothing was touched.", "restored": None}


def ensure(options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Read, plan, and unless in check mode act and read again."""
    wanted, now = _wanted(options), datetime.now(UTC)
    place = {"region": options["region"], "endpoint_url": options["endpoint_url"]}
    sts = connect("sts", **place)
    account, region = account_of(sts), str(sts.meta.region_name)
    _check_place(options, account, region)
    control = AwsBudget(connect("budgets", **place), account)
    parameter = WakeParameter(AwsJson(region, timeout_s=_TIMEOUT_S, endpoint_url=options["endpoint_url"]))
    budget, kept = control.look(), parameter.read()
    spend = by_service(connect("ce", **place), now) if options["by_service"] else None
    spent = max(budget.actual_usd, domain.total(spend or ()))
    before = Standing(budget.limit_usd, kept.at(now))
    after, steps = domain.plan(before, wanted)
    domain.check(budget, spent, after, wanted)
    facts = options["limit_eur"] is None and options["wake"] is None
    found = _spenders(place).look(kept) if facts else None
    if not check:
        _act(control, parameter, after, steps)
        after = Standing(control.look().limit_usd, parameter.read().at(now)) if steps else after
    return {
        **answer(before, after, steps),
        "budget": {**domain.described(budget, kept.at(now), resets(now)), "exhausted": spent >= budget.limit_usd},
        "spend": None if spend is None else [{"service": name, "eur": str(domain.in_eur(usd))} for name, usd in spend],
        "found": found,
        "node": {"id": domain.NAME, "account": account, "region": region},
        "warnings": [domain.NOT_COUNTED] if budget.actual_usd == 0 and spend is None else [],
    }


def _wanted(options: dict[str, Any]) -> Wanted:
    limit = domain.in_usd(domain.parse_eur(options["limit_eur"])) if options["limit_eur"] is not None else None
    off = domain.off_until(resets(datetime.now(UTC)), BUDGET)
    return Wanted(limit, {"enabled": WakeSwitch(), "disabled": off}.get(options["wake"]), options["force"])


def _check_place(options: dict[str, Any], account: str, region: str) -> None:
    expected = (options["expect_account"] or account, options["expect_region"] or region)
    if expected != (account, region):
        raise BudgetError(
            f"This is account {account} in {region}, not what -e expect_account and -e expect_region say. "
            "Nothing was touched: switch the AWS profile, or correct the expectation."
        )


def _spenders(place: dict[str, Any]) -> Spenders:
    ec2 = connect("ec2", **place)
    return Spenders(ec2, QueueCluster(connect("elasticache", **place), ec2), NodeAddress(ec2, ec2))


def _act(control: AwsBudget, parameter: WakeParameter, after: Standing, steps: Sequence[BudgetStep]) -> None:
    touched = False
    for step in steps:
        try:
            if step.action == "limit":
                control.set_limit(after.limit_usd)
            else:
                parameter.write(after.switch, datetime.now(UTC))
        except TinyllamaError as error:
            done = "Some of it was done" if touched else "Nothing is known to have been changed"
            raise BudgetError(f"{error} {done}: run the same command again, it goes on.", touched=True) from error
        touched = True


def answer(before: Standing, after: Standing, steps: Sequence[BudgetStep]) -> dict[str, Any]:
    """Put the result together: the same whether it was done or only predicted."""
    shown = domain.shown(before), domain.shown(after)
    return {
        "changed": bool(steps),
        "before": shown[0],
        "after": shown[1],
        "steps": [asdict(step) for step in steps],
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
    for warning in answered.pop("warnings", ()):
        module.warn(warning)
    module.exit_json(**answered)


if __name__ == "__main__":
    main()

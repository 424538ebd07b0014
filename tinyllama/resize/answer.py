"""What `tl_node` tells Ansible: the same, apart from the end, whether something was done or only predicted."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tinyllama.domain.errors import NodeError, TinyllamaError
from tinyllama.domain.prices import eur_per_hour
from tinyllama.domain.resize import Action, Goal, ResizeError, Step
from tinyllama.domain.resize_advice import advice
from tinyllama.resize.prepare import Prepared


def answer(prepared: Prepared, end: Goal, steps: Sequence[Step], warnings: Sequence[str] = ()) -> dict[str, Any]:
    """Put the result together."""
    node, region = prepared.node, prepared.facts.region
    before, after = described(Goal(node.instance_type, node.state)), described(end)
    return {
        "changed": prepared.changes,
        "node": {"id": node.id, **asdict(prepared.facts)},
        "before": priced(before, region),
        "after": priced(after, region),
        "steps": [asdict(step) for step in steps],
        "unfinished": prepared.unfinished,
        "diff": {"before": before, "after": after, "before_header": node.id, "after_header": node.id},
        **({"warnings": list(warnings)} if warnings else {}),
    }


def described(goal: Goal) -> dict[str, str]:
    """Type and state, as results and diffs show them."""
    return {"instance_type": goal.instance_type, "state": goal.state.value}


def priced(goal: dict[str, str], region: str) -> dict[str, str | None]:
    """The same with the price of a running hour."""
    price = eur_per_hour(goal["instance_type"], region)
    return {**goal, "eur_per_hour": None if price is None else str(price)}


def failure(error: TinyllamaError) -> dict[str, Any]:
    """Put the answer to a failure together; `after` only when the node is not simply as it was."""
    if isinstance(error, NodeError):  # before anything was touched, or it would be a `ResizeError`
        return {"msg": f"{error}. Nothing was touched. {advice(error.code, 'it', 'this zone')}", "restored": None}
    if not isinstance(error, ResizeError) or error.restored is None:
        return {"msg": str(error), "restored": None}
    left = error.left and described(Goal(error.left.instance_type, error.left.state))
    return {"msg": str(error), "restored": error.restored, "after": left}


def check_place(prepared: Prepared, *, account: str | None, region: str | None, confirm: str | None) -> None:
    """Refuse to go on elsewhere than expected, or with another node than the one that was named.

    None expects nothing. Raises `ResizeError`.
    """
    facts, node_id = prepared.facts, prepared.node.id
    if (account or facts.account, region or facts.region) != (facts.account, facts.region):
        raise ResizeError(
            f"This is account {facts.account} in {facts.region}, not what -e expect_account and -e expect_region say. "
            "Nothing was touched: switch the AWS profile, or correct the expectation."
        )
    if confirm is not None and prepared.steps and confirm not in {facts.name, node_id} - {""}:
        raise ResizeError(
            f"Nothing was touched. To carry out this plan, name the node: -e confirm={facts.name or node_id}"
        )


def check_lease(prepared: Prepared, *, lease_s: int, wait_s: int) -> None:
    """Refuse a lease that may end while the start that it is for is still waited for. Raises `ResizeError`."""
    granted = any(step.action in {Action.START, Action.LEASE} for step in prepared.steps)
    if granted and lease_s <= wait_s:
        raise ResizeError(
            f"The lease of {lease_s} s may end mid-way: starting may take {wait_s} s. Nothing was touched. Say "
            "-e lease_seconds= more than that (3600 unless said), or a shorter -e wait_timeout=."
        )

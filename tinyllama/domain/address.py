"""The node's fixed address (Elastic IP), an option of decision 9: which steps give it to the node, or give it up."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tinyllama.domain.costs import RATES
from tinyllama.domain.errors import TinyllamaError
from tinyllama.domain.node import NODE_TAGS
from tinyllama.domain.prices import USD_PER_EUR

TAGS = {"Name": "tinyllama-gpu", **NODE_TAGS}
"""As `terraform/modules/node/main.tf` has them; the two of a node make an address ours."""


class AddressError(TinyllamaError):
    """The address is not as wanted; `code` is AWS's where there is one, `touched` whether anything was changed."""

    def __init__(self, message: str, *, code: str = "", touched: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.touched = touched


class AddressState(StrEnum):
    """`attached` to the node, `detached` and idle, or `absent`: there is none."""

    ATTACHED = "attached"
    DETACHED = "detached"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Address:
    """One address; `association` and `holder` (an instance or a network interface) are empty while it is detached."""

    id: str
    ip: str
    association: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class AddressStep:
    """`allocate`, `attach`, `detach` or `release`, of what, and why."""

    action: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Our addresses, those of others on the node, the node's id (empty without one), and whether it runs."""

    ours: Sequence[Address]
    foreign: Sequence[Address]
    node_id: str
    node_runs: bool


def state_of(ours: Sequence[Address]) -> AddressState:
    """What there is."""
    if not ours:
        return AddressState.ABSENT
    return AddressState.ATTACHED if ours[0].association else AddressState.DETACHED


def plan(seen: Seen, wanted: AddressState, *, allocate: bool) -> tuple[AddressState, tuple[AddressStep, ...]]:
    """What will be, and the steps to it. Where there is none and none shall be allocated, the option is off.

    Raises:
        AddressError: it is not clear which address or node is meant, or somebody else would lose theirs.
    """
    _check(seen, wanted)
    now = state_of(seen.ours)
    label = seen.ours[0].ip if seen.ours else "a new address"
    attach = AddressStep("attach", label, f"{seen.node_id} is without it")
    detach = AddressStep("detach", label, "it is not wanted there")
    if wanted is AddressState.ATTACHED:
        if now is AddressState.ABSENT and not allocate:
            return now, ()
        steps = {
            AddressState.ABSENT: (AddressStep("allocate", label, "there is none"), attach),
            AddressState.DETACHED: (attach,),
            AddressState.ATTACHED: (),
        }[now]
        return wanted, steps
    if now is AddressState.ABSENT:
        return now, ()
    loose = (detach,) if now is AddressState.ATTACHED else ()
    if wanted is AddressState.DETACHED:
        return wanted, loose
    return wanted, (*loose, AddressStep("release", label, "it costs as much idle as in use"))


def _check(seen: Seen, wanted: AddressState) -> None:
    if len(seen.ours) > 1:
        listed = ", ".join(f"{one.ip} ({one.id})" for one in seen.ours)
        raise AddressError(
            f"{len(seen.ours)} addresses have the node's tags: {listed}. Nothing was touched. Release the one that is "
            "too many: aws ec2 release-address --allocation-id ID"
        )
    for address in seen.ours:
        if address.association and address.holder != seen.node_id:
            raise AddressError(
                f"{address.ip} has the node's tags, but is attached to {address.holder}, which is not the node. "
                "Nothing was touched: find out who moved it."
            )
    if wanted is AddressState.ATTACHED and seen.foreign:
        raise AddressError(
            f"The node has the address {seen.foreign[0].ip}, which is not ours and would be taken off it. Nothing was "
            "touched."
        )
    if wanted is not AddressState.ATTACHED and seen.node_runs and any(one.association for one in seen.ours):
        raise AddressError(
            "The node runs, and would be without an address, so without the queue, until AWS gives it another. Nothing "
            "was touched. Stop it first: playbooks/stop.yml"
        )


def eur_per_hour(state: AddressState, region: str) -> str | None:
    """What an hour of it costs, EUR: as much idle as in use; None where it is not known."""
    if state is AddressState.ABSENT:
        return "0"
    rate = RATES.get(region, {}).get("address")
    return None if rate is None else str((rate.usd / USD_PER_EUR).quantize(Decimal("0.0001")))

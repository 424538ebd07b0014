"""What the whole account costs a month, line by line.

AWS list prices, USD, before VAT, of a month of 730 h. Compiled 2026-11-23; each rate names its source, and whether it
was seen there or is an estimate. Rates of services that charge by the request are those of us-east-1: in the EU they
are 0 to 25 % higher, and at our volume cents.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from tinyllama.domain.looks import looks_in
from tinyllama.domain.prices import USD_PER_EUR, USD_PER_HOUR

HOURS = Decimal(730)
DAYS = HOURS / 24
BUDGET_EUR = Decimal(20)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Rate:
    """USD for one `unit`; `seen` is false when no source confirms it."""

    usd: Decimal
    unit: str
    source: str
    seen: bool = True


def _rate(usd: str, unit: str, source: str, *, seen: bool = True) -> Rate:
    return Rate(Decimal(usd), unit, source, seen)


_LIST, _BULK, _GOLDEN = (
    "AWS Price List API, 2026-08",
    "AWS bulk price list, 2026-08",
    "infracost's price tests, 2026-08",
)
RATES: Mapping[str, Mapping[str, Rate]] = {
    "eu-central-1": {
        "disk": _rate("0.0952", "GB-month", _LIST),
        "address": _rate("0.005", "h", _LIST),
        "redis": _rate("0.037", "h", "us-east-1 (Price List API, 2026-10) and the usual difference", seen=False),
        "storage": _rate("0.0245", "GB-month", "AWS list price", seen=False),
        "snapshot": _rate("0.054", "GB-month", _BULK),
    },
    "eu-west-1": {
        "disk": _rate("0.088", "GB-month", _LIST),
        "address": _rate("0.005", "h", "AWS list price", seen=False),
        "redis": _rate("0.035", "h", "us-east-1 (Price List API, 2026-10) and the usual difference", seen=False),
        "storage": _rate("0.023", "GB-month", _GOLDEN),
        "snapshot": _rate("0.05", "GB-month", "AWS list price", seen=False),
    },
}
EVERYWHERE: Mapping[str, Rate] = {
    "api": _rate("0.000001", "request", _GOLDEN),
    "write": _rate("0.000000625", "write", _GOLDEN),
    "read": _rate("0.000000125", "read", _GOLDEN),
    "put": _rate("0.000005", "request", _GOLDEN),
    "explorer": _rate("0.01", "request", "AWS Cost Explorer FAQ"),
    "metric": _rate("0.30", "metric", "AWS list price", seen=False),
    "config": _rate("0.012", "item", "AWS list price of a daily record", seen=False),
}

DISK_GB, ADDRESS_AT_REST_H = Decimal(30), HOURS
TEXT_S = 19
POLLS = looks_in(TEXT_S, writes=True)
"""Of one prompt whose text takes so long and is followed by `tl ask` (docs/adr/0068)."""
WRITES, READS = 50 + POLLS, 3 * 2 * POLLS
"""Of such a prompt on SQS; a look writes once, and reads two items (docs/adr/0034) at once, halfway and at the end."""
KEY_COPIES = 6 * 24
"""Of the key set to S3, a day."""
AUDITED = 2
"""Resource types that AWS Config records daily for the `required-tags` rule."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is switched on. `redis_h`: for how long the Redis cluster exists, h a month; started hours count."""

    region: str = "eu-central-1"
    node_type: str = "g4dn.xlarge"
    redis_h: Decimal = Decimal(0)
    fixed_address: bool = False
    tag_audit: bool = True


@dataclass(frozen=True, slots=True)
class Use:
    """A month's use: how long the node runs, in h, and how many prompts are sent."""

    name: str
    node_h: Decimal
    prompts: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill; `module` is the Terraform module that makes what is paid for."""

    module: str
    what: str
    quantity: Decimal
    rate: Rate

    @property
    def usd(self) -> Decimal:
        """To the cent."""
        return (self.quantity * self.rate.usd).quantize(_CENT)


def total_usd(lines: Sequence[Line]) -> Decimal:
    """The sum, USD."""
    return sum((line.usd for line in lines), Decimal(0))


def in_eur(usd: Decimal) -> Decimal:
    """USD in EUR, to the cent."""
    return (usd / USD_PER_EUR).quantize(_CENT)


def bill(setup: Setup, use: Use) -> list[Line]:
    """Every line of a month's bill, also those of nothing.

    Raises:
        KeyError: for a region or node type without a known price; `known` lists them.
    """
    return [*_node(setup, use), *_others(setup, use)]


def known() -> dict[str, list[str]]:
    """Region and node types whose prices are known."""
    return {region: sorted(USD_PER_HOUR[region]) for region in RATES}


def _node(setup: Setup, use: Use) -> Iterator[Line]:
    rates = RATES[setup.region]
    hour = Rate(USD_PER_HOUR[setup.region][setup.node_type], "h", "instances.vantage.sh, 2026-01")
    address_h = ADDRESS_AT_REST_H if setup.fixed_address else use.node_h
    yield Line("node", "disk, 30 GiB gp3", DISK_GB, rates["disk"])
    yield Line("node", f"{setup.node_type}, running", use.node_h, hour)
    yield Line(
        "node",
        "public IPv4, fixed" if setup.fixed_address else "public IPv4, while it runs",
        address_h,
        rates["address"],
    )


def _others(setup: Setup, use: Use) -> Iterator[Line]:
    rates, prompts = RATES[setup.region], Decimal(use.prompts)
    yield Line("edge", "HTTP API: prompts and looks", prompts * (1 + POLLS), EVERYWHERE["api"])
    yield Line("queue", "Redis, cache.t4g.small", setup.redis_h, rates["redis"])
    yield Line("queue", "DynamoDB writes", prompts * WRITES, EVERYWHERE["write"])
    yield Line("queue", "DynamoDB reads", prompts * READS, EVERYWHERE["read"])
    yield Line("storage", "S3, replies and artefacts, 1 GB", Decimal(1), rates["storage"])
    yield Line("storage", "S3 writes: key set every 10 min, replies", KEY_COPIES * DAYS + prompts, EVERYWHERE["put"])
    yield Line("ops", "Cost Explorer, once a day", DAYS, EVERYWHERE["explorer"])
    yield Line("ops", "a custom metric beyond the ten free ones", Decimal(1 if use.node_h else 0), EVERYWHERE["metric"])
    yield Line("ops", "AWS Config, daily", DAYS * (AUDITED if setup.tag_audit else 0), EVERYWHERE["config"])


def affordable_h(setup: Setup, *, budget_eur: Decimal = BUDGET_EUR, prompts: int = 0) -> Decimal:
    """Hours that the node can run for a month's budget, rounded down to a tenth; 0 when nothing is left for it."""
    nothing, one = (total_usd(bill(setup, Use("", Decimal(h), prompts))) for h in (0, 1_000))
    metric = EVERYWHERE["metric"].usd  # of a node that runs at all
    hour = (one - nothing - metric) / 1_000
    left = budget_eur * USD_PER_EUR - nothing - metric
    return max(Decimal(0), left / hour).quantize(Decimal("0.1"), rounding=ROUND_DOWN)


PROMPTS_A_DAY, BURSTS_A_DAY = 50, 12
BOOT_S, WORK_S, IDLE_S = 90, 150, 300
"""Of one burst of prompts: until the node is ready, until the last text is written, and until it falls asleep."""


def uses(setup: Setup) -> list[Use]:
    """The four months worth looking at."""
    prompts = int(PROMPTS_A_DAY * DAYS)
    typical_h = (BURSTS_A_DAY * DAYS * (BOOT_S + WORK_S + IDLE_S) / 3_600).quantize(_CENT)
    return [
        Use("idle", Decimal(0), 0),
        Use(f"{PROMPTS_A_DAY} prompts a day, no limit", typical_h, prompts),
        Use("the same, stopped by the budget", min(typical_h, affordable_h(setup, prompts=prompts)), prompts),
        Use("every guard fails", HOURS, prompts),
    ]

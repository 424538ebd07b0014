"""`make prices`: compares the prices that we reckon with, in `tinyllama/domain`, with what AWS asks today.

Reads the AWS Price List API with your credentials (`pricing:GetProducts`), and changes nothing. Exit codes: 0 all are
the same, 1 some differ, 2 AWS did not answer. Change what differs by hand, with its new source, and run
`python -m local.costs > docs/costs.md`.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from tinyllama.adapters.price_list import REGION, Offer, PriceList, connect
from tinyllama.domain import costs
from tinyllama.domain.errors import PriceListError
from tinyllama.domain.prices import USD_PER_HOUR

# What stands before a usage type, by region; some services write it otherwise than others.
_PREFIXES = {"eu-central-1": ("EUC1-",), "eu-west-1": ("EU-", "EUW1-"), REGION: ("", "USE1-")}
_LINUX = {"operatingSystem": "Linux", "preInstalledSw": "NA", "tenancy": "Shared", "capacitystatus": "Used"}
_PRODUCTS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "disk": ("AmazonEC2", "EBS:VolumeUsage.gp3", {}),
    "snapshot": ("AmazonEC2", "EBS:SnapshotUsage", {}),
    "address": ("AmazonVPC", "PublicIPv4:InUseAddress", {}),
    "redis": ("AmazonElastiCache", "NodeUsage:cache.t4g.small", {"cacheEngine": "Redis"}),
    "storage": ("AmazonS3", "TimedStorage-ByteHrs", {}),
    "api": ("AmazonApiGateway", "ApiGatewayHttpRequest", {}),
    "write": ("AmazonDynamoDB", "WriteRequestUnits", {}),
    "read": ("AmazonDynamoDB", "ReadRequestUnits", {}),
    "put": ("AmazonS3", "Requests-Tier1", {}),
    "metric": ("AmazonCloudWatch", "CW:MetricMonitorUsage", {}),
    "config": ("AWSConfig", "ConfigurationItemRecordedDaily", {}),
}
UNLISTED = {"explorer"}
"""What has no product of its own in the list: its price is on its own page."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One price of ours, USD, and where AWS has it."""

    what: str
    region: str
    ours: Decimal
    service: str
    usage: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def fits(self, offer: Offer) -> bool:
        """Whether it is this very product, and not one whose name has more in it (`IA-WriteRequestUnits`)."""
        return any(offer.usage_type == prefix + self.usage for prefix in _PREFIXES[self.region])


def wanted() -> Iterator[Wanted]:
    """Every price of `tinyllama/domain` that the list has. What is the same everywhere is looked up in us-east-1."""
    for region, types in USD_PER_HOUR.items():
        for name, usd in types.items():
            yield Wanted(name, region, usd, "AmazonEC2", f"BoxUsage:{name}", {"instanceType": name, **_LINUX})
    for region, rates in {**costs.RATES, REGION: costs.EVERYWHERE}.items():
        for what, rate in rates.items():
            if what not in UNLISTED:
                service, usage, attributes = _PRODUCTS[what]
                yield Wanted(what, region, rate.usd, service, usage, attributes)


def look_up(prices: PriceList, one: Wanted) -> Offer | None:
    """What AWS asks; None where it offers no such product. Raises `PriceListError`, also when offers contradict."""
    found = [offer for offer in prices.offers(one.service, one.usage, one.region, **one.attributes) if one.fits(offer)]
    if len({offer.usd for offer in found}) > 1:
        asked = ", ".join(f"USD {offer.usd:f} a {offer.unit}" for offer in found)
        raise PriceListError(f"AWS Price List API: {one.usage} in {one.region} has more than one price: {asked}")
    return found[0] if found else None


def report(prices: PriceList, asked: Sequence[Wanted]) -> tuple[Table, bool]:
    """A line for each price, and whether all are as AWS has them. Raises `PriceListError`."""
    table, same = Table(box=None, header_style="bold", pad_edge=False), True
    for heading in ("what", "region", "ours, USD", "AWS, USD", "a", "since", ""):
        table.add_column(heading, no_wrap=True)
    for one in asked:
        offer = look_up(prices, one)
        right = offer is not None and offer.usd == one.ours
        same = same and right
        verdict = "" if right else "not offered" if offer is None else "differs"
        seen = (f"{offer.usd:f}", offer.unit, offer.since) if offer else ("", "", "")
        table.add_row(one.what, one.region, f"{one.ours:f}", *seen, verdict, style="" if right else "bold")
    return table, same


def main() -> int:
    """Look every price up, and say which differ."""
    out = Console(width=120 if not sys.stdout.isatty() else None)
    try:
        table, same = report(PriceList(connect()), list(wanted()))
    except PriceListError as error:
        sys.stderr.write(f"prices: {error}. Nothing was changed.\n")
        return 2
    out.print(table)
    out.print(f"AWS Price List API ({REGION}), {datetime.now(UTC).date()}. Not in it: {', '.join(sorted(UNLISTED))}.")
    out.print("All are as AWS has them." if same else "Change what differs in tinyllama/domain, with its source.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

"""What an hour of a node costs.

AWS on-demand list prices for Linux, USD an hour, before VAT, compute only (disk and address come on
top); per second with a minimum of 60 s. Compiled 2026-11-23:

- g4dn, g5, g6: instances.vantage.sh as of 2026-01-21. g6 is not offered in eu-west-1.
- t3 in eu-west-1: an undated copy of the price list; t3 in eu-central-1: not confirmed by a source.
- Exchange rate: European Central Bank, 2026-07-17.
"""

from collections.abc import Mapping
from decimal import Decimal

USD_PER_EUR = Decimal("1.1435")

USD_PER_HOUR: Mapping[str, Mapping[str, Decimal]] = {
    "eu-central-1": {
        "g4dn.xlarge": Decimal("0.658"),
        "g4dn.2xlarge": Decimal("0.940"),
        "g5.xlarge": Decimal("1.258"),
        "g6.xlarge": Decimal("1.0064"),
        "t3.small": Decimal("0.0240"),
        "t3.medium": Decimal("0.0480"),
    },
    "eu-west-1": {
        "g4dn.xlarge": Decimal("0.587"),
        "g4dn.2xlarge": Decimal("0.838"),
        "g5.xlarge": Decimal("1.123"),
        "t3.small": Decimal("0.0228"),
        "t3.medium": Decimal("0.0456"),
    },
}


def eur_per_hour(instance_type: str, region: str) -> Decimal | None:
    """Return the price of a running hour in EUR, to a hundredth of a cent; None when it is not known."""
    usd = USD_PER_HOUR.get(region, {}).get(instance_type)
    return None if usd is None else (usd / USD_PER_EUR).quantize(Decimal("0.0001"))


def known_types(region: str) -> list[str]:
    """The instance types whose price is known in a region: those that anybody may ask for."""
    return sorted(USD_PER_HOUR.get(region, {}))

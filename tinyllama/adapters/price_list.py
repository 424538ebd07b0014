"""The AWS Price List API: what AWS asks for on demand today, one product at a time.

It answers in us-east-1 and knows the prices of every region. Nothing that runs asks it: `make prices` does.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyllama.domain.errors import PriceListError

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Offer:
    """USD for one `unit` of a product, before VAT, of the first unit that is not free; `since` as 2026-08-01."""

    usage_type: str
    usd: Decimal
    unit: str
    since: str


class PriceList:
    """Calls raise `PriceListError` when AWS does not answer, or answers in another form."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def offers(self, service: str, usage: str, region: str, **attributes: str) -> list[Offer]:
        """The offers of a service in a region whose usage type contains a text; `attributes` must be equal."""
        equal = {"regionCode": region, **attributes}
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": text} for name, text in equal.items()]
        filters.append({"Type": "CONTAINS", "Field": "usagetype", "Value": usage})
        pages = self._client.get_paginator("get_products").paginate(
            ServiceCode=service, Filters=filters, FormatVersion="aws_v1"
        )
        try:
            return [offer for page in pages for text in page["PriceList"] for offer in _offers(json.loads(text))]
        except (BotoCoreError, ClientError) as error:
            raise PriceListError(f"AWS Price List API: {error}") from error
        except (KeyError, ValueError, ArithmeticError) as error:
            raise PriceListError(f"AWS Price List API: {service} is in another form than known: {error!r}") from error


def connect() -> Any:
    """A client with the credentials of the environment, which need `pricing:GetProducts`."""
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.client("pricing", region_name=REGION, config=config)


def _offers(found: Mapping[str, Any]) -> Iterator[Offer]:
    """The on-demand terms of a product; the first tier that costs something is what we pay."""
    usage_type = found["product"]["attributes"]["usagetype"]
    for term in found["terms"].get("OnDemand", {}).values():
        tiers = sorted(term["priceDimensions"].values(), key=lambda tier: Decimal(tier["beginRange"]))
        paid = [tier for tier in tiers if Decimal(tier["pricePerUnit"]["USD"])]
        for tier in paid[:1]:
            usd = Decimal(tier["pricePerUnit"]["USD"]).normalize()
            yield Offer(usage_type, usd, tier["unit"], term["effectiveDate"][:10])

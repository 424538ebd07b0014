"""The AWS Price List API, which moto lacks: `GetProducts`, with a few products in the form that AWS gives them.

Source of the form: Billing User Guide, "Reading the service price list file"; `FormatVersion` is `aws_v1`. Prices are
those of 2026, and made for tests: beside what we pay for stand products that are easily taken for it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Response

from local.aws.core.calls import Call
from local.aws.core.wire import error_response

SERVICE = "pricing"
_MOST = 100
_PUBLISHED = "2026-11-01T00:00:00Z"


@dataclass(frozen=True)
class Product:
    """One product; `tiers` are USD by the first unit of each tier."""

    service: str
    region: str
    usage: str
    unit: str
    tiers: Mapping[str, str]
    attributes: Mapping[str, str] = field(default_factory=dict)


def _instances(region: str, prefix: str, prices: Mapping[str, str]) -> Iterator[Product]:
    for name, usd in prices.items():
        for system, more in (("Linux", 1), ("Windows", 2)):
            attributes = {"operatingSystem": system, "preInstalledSw": "NA", "tenancy": "Shared"}
            attributes |= {"instanceType": name, "capacitystatus": "Used"}
            tier = {"0": usd if more == 1 else "9.0000000000"}
            yield Product("AmazonEC2", region, f"{prefix}BoxUsage:{name}", "Hrs", tier, attributes)


PRODUCTS = (
    *_instances(
        "eu-central-1",
        "EUC1-",
        {
            "g4dn.xlarge": "0.6580000000",
            "g4dn.2xlarge": "0.9400000000",
            "g5.xlarge": "1.2580000000",
            "g6.xlarge": "1.0064000000",
            "t3.small": "0.0240000000",
            "t3.medium": "0.0480000000",
        },
    ),
    *_instances(
        "eu-west-1",
        "EU-",
        {
            "g4dn.xlarge": "0.5870000000",
            "g4dn.2xlarge": "0.8380000000",
            "g5.xlarge": "1.1230000000",
            "t3.small": "0.0228000000",
            "t3.medium": "0.0456000000",
        },
    ),
    Product("AmazonEC2", "eu-central-1", "EUC1-EBS:VolumeUsage.gp3", "GB-Mo", {"0": "0.0952000000"}),
    Product("AmazonEC2", "eu-west-1", "EU-EBS:VolumeUsage.gp3", "GB-Mo", {"0": "0.0880000000"}),
    Product("AmazonEC2", "eu-central-1", "EUC1-EBS:SnapshotUsage", "GB-Mo", {"0": "0.0540000000"}),
    Product("AmazonEC2", "eu-west-1", "EU-EBS:SnapshotUsage", "GB-Mo", {"0": "0.0500000000"}),
    Product("AmazonEC2", "eu-central-1", "EUC1-EBS:SnapshotUsageUnderBilling", "GB-Mo", {"0": "0.0000000000"}),
    Product("AmazonVPC", "eu-central-1", "EUC1-PublicIPv4:InUseAddress", "Hrs", {"0": "0.0050000000"}),
    Product("AmazonVPC", "eu-west-1", "EU-PublicIPv4:InUseAddress", "Hrs", {"0": "0.0050000000"}),
    Product(
        "AmazonElastiCache",
        "eu-central-1",
        "EUC1-NodeUsage:cache.t4g.small",
        "Hrs",
        {"0": "0.0370000000"},
        {"cacheEngine": "Redis"},
    ),
    Product(
        "AmazonElastiCache",
        "eu-central-1",
        "EUC1-NodeUsage:cache.t4g.small",
        "Hrs",
        {"0": "0.0296000000"},
        {"cacheEngine": "Valkey"},
    ),
    Product(
        "AmazonElastiCache",
        "eu-west-1",
        "EU-NodeUsage:cache.t4g.small",
        "Hrs",
        {"0": "0.0350000000"},
        {"cacheEngine": "Redis"},
    ),
    Product(
        "AmazonS3", "eu-central-1", "EUC1-TimedStorage-ByteHrs", "GB-Mo", {"0": "0.0245000000", "51200": "0.0235000000"}
    ),
    Product(
        "AmazonS3", "eu-west-1", "EU-TimedStorage-ByteHrs", "GB-Mo", {"0": "0.0230000000", "51200": "0.0220000000"}
    ),
    Product("AmazonS3", "us-east-1", "Requests-Tier1", "Requests", {"0": "0.0000050000"}),
    Product("AmazonS3", "us-east-1", "Requests-GLACIER-Tier1", "Requests", {"0": "0.0000300000"}),
    Product(
        "AmazonApiGateway",
        "us-east-1",
        "USE1-ApiGatewayHttpRequest",
        "Requests",
        {"0": "0.0000010000", "300000000": "0.0000009000"},
    ),
    Product("AmazonDynamoDB", "us-east-1", "WriteRequestUnits", "WriteRequestUnits", {"0": "0.0000006250"}),
    Product("AmazonDynamoDB", "us-east-1", "IA-WriteRequestUnits", "WriteRequestUnits", {"0": "0.0000007800"}),
    Product("AmazonDynamoDB", "us-east-1", "ReadRequestUnits", "ReadRequestUnits", {"0": "0.0000001250"}),
    Product("AmazonCloudWatch", "us-east-1", "CW:MetricMonitorUsage", "Metrics", {"0": "0.3000000000"}),
    Product("AWSConfig", "us-east-1", "USE1-ConfigurationItemRecorded", "ConfigItem", {"0": "0.0030000000"}),
    Product("AWSConfig", "us-east-1", "USE1-ConfigurationItemRecordedDaily", "ConfigItem", {"0": "0.0120000000"}),
)


def answer(call: Call) -> Response:
    """Answer a call to the service."""
    given = call.parameters
    if call.operation != "GetProducts":
        return error_response(call, "NotImplemented", f"the local AWS has no {call.name}")
    unknown = {one["Type"] for one in given.get("Filters", ())} - {"TERM_MATCH", "CONTAINS"}
    if unknown or not given.get("ServiceCode"):
        return error_response(call, "InvalidParameterException", "filters here are TERM_MATCH and CONTAINS")
    found = [product for product in PRODUCTS if _matches(product, given)]
    start, most = int(given.get("NextToken") or 0), int(given.get("MaxResults") or _MOST)
    body: dict[str, Any] = {"FormatVersion": "aws_v1"}
    body["PriceList"] = [json.dumps(_shape(product)) for product in found[start : start + most]]
    if len(found) > start + most:
        body["NextToken"] = str(start + most)
    return Response(json.dumps(body), content_type="application/x-amz-json-1.1")


def _attributes(product: Product) -> dict[str, str]:
    return {"servicecode": product.service, "regionCode": product.region, "usagetype": product.usage} | dict(
        product.attributes
    )


def _matches(product: Product, given: Mapping[str, Any]) -> bool:
    attributes = _attributes(product)
    return product.service == given["ServiceCode"] and all(
        one["Value"] in attributes.get(one["Field"], "")
        if one["Type"] == "CONTAINS"
        else attributes.get(one["Field"]) == one["Value"]
        for one in given.get("Filters", ())
    )


def _shape(product: Product) -> dict[str, Any]:
    sku = hashlib.sha256(json.dumps(_attributes(product)).encode()).hexdigest()[:16].upper()
    rates = {}
    ends = [*list(product.tiers)[1:], "Inf"]
    for number, ((begin, usd), end) in enumerate(zip(product.tiers.items(), ends, strict=True)):
        rates[f"{sku}.JRTCKXETXF.{number}"] = {
            "unit": product.unit,
            "beginRange": begin,
            "endRange": end,
            "description": f"${usd} per {product.unit}",
            "appliesTo": [],
            "rateCode": f"{sku}.JRTCKXETXF.{number}",
            "pricePerUnit": {"USD": usd},
        }
    term = {"priceDimensions": rates, "sku": sku, "effectiveDate": _PUBLISHED, "offerTermCode": "JRTCKXETXF"}
    return {
        "product": {"productFamily": "any", "attributes": _attributes(product), "sku": sku},
        "serviceCode": product.service,
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {**term, "termAttributes": {}}}},
        "version": "20261101000000",
        "publicationDate": _PUBLISHED,
    }

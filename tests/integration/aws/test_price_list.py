"""The Price List API of the local AWS, and `make prices`, which compares our prices with it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from local import prices
from local.aws.server import StrictAws
from local.prices import Wanted, look_up, report, wanted
from tinyllama.adapters.price_list import REGION, Offer, PriceList
from tinyllama.domain import costs
from tinyllama.domain.errors import PriceListError
from tinyllama.domain.prices import USD_PER_HOUR


@pytest.fixture(scope="module")
def aws() -> Iterator[StrictAws]:
    with StrictAws() as running:
        yield running


@pytest.fixture
def list_of_aws(aws: StrictAws) -> PriceList:
    aws.clear()
    return PriceList(aws.client("pricing", REGION))


def one(what: str, region: str = "eu-central-1") -> Wanted:
    [found] = [each for each in wanted() if (each.what, each.region) == (what, region)]
    return found


def test_an_offer_has_price_unit_and_date(list_of_aws: PriceList) -> None:
    assert look_up(list_of_aws, one("g4dn.xlarge")) == Offer(
        "EUC1-BoxUsage:g4dn.xlarge", Decimal("0.658"), "Hrs", "2026-11-01"
    )


@pytest.mark.parametrize(
    ("what", "region", "usd"),
    [
        ("redis", "eu-central-1", "0.037"),  # and not Valkey's
        ("write", "us-east-1", "0.000000625"),  # and not that of the other table class
        ("config", "us-east-1", "0.012"),  # and not that of a continuous record
        ("storage", "eu-central-1", "0.0245"),  # of the first tier
    ],
)
def test_what_is_easily_taken_for_it_is_not(list_of_aws: PriceList, what: str, region: str, usd: str) -> None:
    offer = look_up(list_of_aws, one(what, region))
    assert offer is not None
    assert offer.usd == Decimal(usd)


def test_every_price_of_the_domain_is_asked_for_or_said_to_be_unlisted() -> None:
    asked = {each.what for each in wanted()}
    rates = {name for rates in (*costs.RATES.values(), costs.EVERYWHERE) for name in rates}
    types = {name for region in USD_PER_HOUR.values() for name in region}
    assert asked == types | rates - prices.UNLISTED


def test_a_price_that_differs_is_shown_with_ours_and_theirs(list_of_aws: PriceList) -> None:
    asked = [replace(one("g4dn.xlarge"), ours=Decimal("0.5")), one("disk"), one("t3.small")]
    table, same = report(list_of_aws, asked)
    console = Console(width=120)
    with console.capture() as shown:
        console.print(table)
    text = shown.get().splitlines()
    assert not same
    assert [line.split() for line in text[1:3]] == [
        ["g4dn.xlarge", "eu-central-1", "0.5", "0.658", "Hrs", "2026-11-01", "differs"],
        ["disk", "eu-central-1", "0.0952", "0.0952", "GB-Mo", "2026-11-01"],
    ]


def test_a_product_that_aws_does_not_offer_is_told_apart(list_of_aws: PriceList) -> None:
    missing = replace(one("g6.xlarge"), region="eu-west-1")
    assert look_up(list_of_aws, missing) is None
    assert report(list_of_aws, [missing])[1] is False


def test_offers_that_contradict_each_other_are_an_error(list_of_aws: PriceList) -> None:
    with pytest.raises(PriceListError, match=r"more than one price: USD 0\.037 a Hrs, USD 0\.0296 a Hrs"):
        look_up(list_of_aws, replace(one("redis"), attributes={}))


@pytest.mark.parametrize(
    ("ours", "fault", "code", "said"),
    [
        ("0.0952", None, 0, "All are as AWS has them"),
        ("0.1", None, 1, "Change what differs"),
        ("0.0952", "AccessDeniedException", 2, "Nothing was changed"),
    ],
)
def test_the_command_says_by_its_exit_code_whether_all_are_the_same(
    aws: StrictAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ours: str,
    fault: str | None,
    code: int,
    said: str,
) -> None:
    aws.clear()
    if fault:
        aws.fail("pricing:GetProducts", fault, times=None)
    disk = replace(one("disk"), ours=Decimal(ours))
    monkeypatch.setattr(prices, "wanted", lambda: [disk])
    monkeypatch.setattr(prices, "connect", lambda: aws.client("pricing", REGION))
    assert prices.main() == code
    assert said in "".join(capsys.readouterr())


def test_pages_are_followed(aws: StrictAws) -> None:
    aws.clear()
    client = aws.client("pricing", REGION)
    pages = list(
        client.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", PaginationConfig={"PageSize": 5})
    )
    assert len(pages) > 2
    skus = [text for page in pages for text in page["PriceList"]]
    assert len(skus) == len(set(skus))

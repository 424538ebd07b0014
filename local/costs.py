"""What the account costs a month, as a table: for `tl cost`, and as `docs/costs.md` by `python -m local.costs`."""

import sys
from collections.abc import Sequence
from decimal import Decimal

from rich.table import Table

from tinyllama.domain import costs
from tinyllama.domain.costs import Line, Setup, Use
from tinyllama.domain.prices import USD_PER_EUR

Months = Sequence[tuple[Use, Sequence[Line]]]


def months(setup: Setup) -> Months:
    """The months worth looking at, and their bills."""
    return [(use, costs.bill(setup, use)) for use in costs.uses(setup)]


def as_table(found: Months) -> Table:
    """For a terminal: a line for each thing that is paid for, a column for each month."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("module", "USD a month"):
        table.add_column(heading, no_wrap=True)
    for use, _ in found:
        table.add_column(use.name, justify="right", max_width=12)
    for module, what, *amounts in _cells(found):
        table.add_row(module, what, *amounts, style="bold" if not module else "")
    return table


def as_dict(found: Months) -> list[dict[str, object]]:
    """For programs: USD and EUR as strings with two decimals, hours as strings."""
    return [
        {
            "name": use.name,
            "node_hours": str(use.node_h),
            "prompts": use.prompts,
            "lines": [{"module": line.module, "what": line.what, "usd": str(line.usd)} for line in lines],
            "usd": str(costs.total_usd(lines)),
            "eur": str(costs.in_eur(costs.total_usd(lines))),
        }
        for use, lines in found
    ]


def _cells(found: Months) -> list[list[str]]:
    bills = [lines for _, lines in found]
    rows = [[lines[0].module, lines[0].what, *(str(line.usd) for line in lines)] for lines in zip(*bills, strict=True)]
    totals = [costs.total_usd(lines) for lines in bills]
    rows.append(["", "hours that the node runs", *(str(use.node_h) for use, _ in found)])
    rows.append(["", "total, USD", *map(str, totals)])
    return [*rows, ["", "total, EUR", *(str(costs.in_eur(usd)) for usd in totals)]]


def page() -> str:
    """The whole of `docs/costs.md`."""
    parts = [_HEAD.format(rate=USD_PER_EUR)]
    for title, setup in _SETUPS.items():
        found = months(setup)
        parts += [
            f"\n## {title}\n\n",
            _markdown(["module", "USD a month", *(use.name for use, _ in found)], _cells(found)),
        ]
    parts += ["\n## Hours that EUR 20 buys\n\n", _markdown(["", *costs.RATES], _hours())]
    parts += ["\n## Rates\n\n", _markdown(["what", "region", "USD", "a", "source"], _rates())]
    return "".join(parts)


_SETUPS = {
    "By default: SQS, Frankfurt": Setup(),
    "Ireland": Setup(region="eu-west-1"),
    "With Redis 8 hours a day": Setup(redis_h=costs.DAYS * 8),
    "With Redis always": Setup(redis_h=costs.HOURS),
}
_HEAD = """# What it costs

Made by `python -m local.costs > docs/costs.md`; a test compares. `tl cost` shows the same for other types, regions and
options. AWS list prices before VAT, a month of 730 h, EUR 1 = USD {rate} (European Central Bank, 2026-07-17). What
Lambda, SQS, SNS, Scheduler, Cognito and Parameter Store do for one to five people is within their free tiers. *50
prompts a day* come in 12 bursts, each of which keeps the node awake for 540 s: 90 to boot, 150 of work, 300 idle. That
does not fit the budget, and this release only sends mails, at 75 and 105 % of it: *stopped by the budget* is a month in
which somebody stops the node in time. `make prices` compares the rates with the AWS Price List API.
"""


def _hours() -> list[list[str]]:
    rows = {"Redis off": Decimal(0), "Redis 8 hours a day": costs.DAYS * 8, "Redis always": costs.HOURS}
    return [
        [what, *(f"{costs.affordable_h(Setup(region=region, redis_h=hours))} h" for region in costs.RATES)]
        for what, hours in rows.items()
    ]


def _rates() -> list[list[str]]:
    regions = {**costs.RATES, "all": costs.EVERYWHERE}
    return [
        [what, region, f"{rate.usd:f}", rate.unit, rate.source + ("" if rate.seen else " (not confirmed)")]
        for region, rates in regions.items()
        for what, rate in rates.items()
    ]


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    sys.stdout.write(page())

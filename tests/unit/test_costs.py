"""The bill: against one that was added up by hand, and what must hold for every other."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from local import costs as shown
from local.cli import app
from tinyllama.domain import costs
from tinyllama.domain.costs import Setup, Use
from tinyllama.domain.prices import USD_PER_EUR

PAGE = Path(__file__).resolve().parents[2] / "docs" / "costs.md"
setups = st.builds(
    Setup,
    region=st.sampled_from(sorted(costs.RATES)),
    node_type=st.sampled_from(["g4dn.xlarge", "g5.xlarge", "t3.small"]),
    redis_h=st.decimals(0, 730, places=1),
    fixed_address=st.booleans(),
    tag_audit=st.booleans(),
)


def usd(setup: Setup, node_h: Decimal, prompts: int = 0) -> Decimal:
    return costs.total_usd(costs.bill(setup, Use("", node_h, prompts)))


def test_an_idle_month_by_default_is_under_four_euro() -> None:
    # 30 GB x 0.0952, 30.42 looks at Cost Explorer, two types in AWS Config, a GB in S3 and 4,380 writes to it
    assert usd(Setup(), Decimal(0)) == Decimal("2.86") + Decimal("0.30") + Decimal("0.73") + Decimal("0.04")
    assert costs.in_eur(usd(Setup(), Decimal(0))) < 4


def test_twelve_bursts_a_day_cost_what_was_added_up_by_hand() -> None:
    typical = costs.uses(Setup())[1]
    assert typical.node_h == Decimal("54.75")
    gpu_and_address = Decimal("36.03") + Decimal("0.27")
    requests = Decimal("0.06") + Decimal("0.08") + Decimal("0.04") + Decimal("0.01")
    assert usd(Setup(), typical.node_h, typical.prompts) == Decimal("3.93") + gpu_and_address + requests + Decimal(
        "0.30"
    )


@given(setups, st.integers(0, 10_000))
def test_what_the_budget_can_pay_for_stays_within_it(setup: Setup, prompts: int) -> None:
    hours = costs.affordable_h(setup, prompts=prompts)
    if hours:
        assert usd(setup, hours, prompts) <= costs.BUDGET_EUR * USD_PER_EUR
        assert usd(setup, hours + 1, prompts) > costs.BUDGET_EUR * USD_PER_EUR - Decimal("0.02")
    else:
        assert usd(setup, Decimal(1), prompts) > costs.BUDGET_EUR * USD_PER_EUR - 2


@given(setups, st.decimals(0, 729, places=1), st.integers(0, 10_000))
def test_nothing_gets_cheaper_by_use(setup: Setup, node_h: Decimal, prompts: int) -> None:
    assert usd(setup, node_h, prompts) <= usd(setup, node_h + 1, prompts) <= usd(setup, node_h + 1, prompts + 1)


def test_redis_always_leaves_nothing_for_the_node() -> None:
    assert costs.affordable_h(Setup(redis_h=costs.HOURS)) == 0


def test_the_page_is_what_the_program_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == shown.page(), "run: python -m local.costs > docs/costs.md"


@pytest.mark.parametrize("options", [["--region", "mars-1"], ["--type", "p5.48xlarge"]])
def test_what_has_no_known_price_is_refused_with_those_that_have(options: list[str]) -> None:
    refused = CliRunner().invoke(app, ["cost", *options])
    assert refused.exit_code == 2
    assert "g4dn.xlarge" in refused.output


def test_tl_cost_says_the_same_to_programs_and_people() -> None:
    as_json = CliRunner().invoke(app, ["cost", "--json", "--redis-hours", "8"])
    as_table = CliRunner().invoke(app, ["cost", "--redis-hours", "8"], env={"COLUMNS": "140"})
    assert as_json.exit_code == as_table.exit_code == 0
    assert '"usd": "12.93"' in as_json.output
    assert "12.93" in as_table.output

"""Findings: what a script is told of them, and how they are shown."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.findings import EXIT_CODES, Finding, Severity, Verdict, summary, table, verdict

FINE, NOTE, UNSEEN, WARNING, PROBLEM = Severity


def finding(severity: Severity = WARNING, subject: str = "vol-1", eur: str | None = None) -> Finding:
    return Finding(severity, "orphans", subject, "delete it", None if eur is None else Decimal(eur))


@pytest.mark.parametrize(
    ("seen", "fail_on", "code"),
    [
        ([], WARNING, 0),
        ([FINE, NOTE], WARNING, 0),
        ([FINE, WARNING], WARNING, 2),
        ([WARNING], PROBLEM, 0),
        ([PROBLEM], PROBLEM, 2),
        ([NOTE], NOTE, 2),
        ([UNSEEN], WARNING, 4),
        ([UNSEEN], NOTE, 4),
        ([UNSEEN, WARNING], WARNING, 2),
        ([UNSEEN, WARNING], PROBLEM, 4),
    ],
)
def test_the_exit_code_follows_from_the_worst(seen: list[Severity], fail_on: Severity, code: int) -> None:
    assert EXIT_CODES[verdict(seen, fail_on=fail_on)] == code


@given(st.lists(st.sampled_from(Severity)), st.sampled_from([NOTE, WARNING, PROBLEM]))
def test_more_findings_never_make_it_fine(seen: list[Severity], fail_on: Severity) -> None:
    if verdict(seen, fail_on=fail_on) is Verdict.FOUND:
        assert verdict([*seen, UNSEEN, FINE], fail_on=fail_on) is Verdict.FOUND
    assert verdict([*seen, UNSEEN], fail_on=fail_on) is not Verdict.FINE


def test_the_worst_and_dearest_come_first_and_no_line_ends_in_spaces() -> None:
    lines = table([finding(FINE, "a"), finding(eur="1.50"), finding(PROBLEM, "b"), finding(subject="c", eur="20.00")])
    rows = lines.splitlines()
    assert [row.split()[2] for row in rows[1:]] == ["b", "c", "vol-1", "a"]
    assert all(row == row.rstrip() for row in rows)


def test_many_alike_are_shortened_and_none_of_their_cost_is_lost() -> None:
    many = [finding(subject=f"vol-{number}", eur="2.00") for number in range(500)]
    rows = table(many).splitlines()
    assert len(rows) == 1 + 20 + 1
    assert "480 more" in rows[-1]
    assert "960.00" in rows[-1]
    assert summary(many) == "500 warning; what is not needed costs EUR 1000.00 a month"


def test_the_summary_counts_the_worst_first() -> None:
    assert summary([finding(FINE), finding(), finding(PROBLEM), finding(UNSEEN)]) == (
        "1 problem, 1 warning, 1 unseen, 1 fine"
    )
    assert summary([]) == "nothing was looked at"

"""What a look at the account has found: how bad each thing is, what all of it comes to, and how it is shown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """From good to bad. `unseen` is what could not be looked at: not known to be bad, but not known to be good."""

    FINE = "fine"
    NOTE = "note"
    UNSEEN = "unseen"
    WARNING = "warning"
    PROBLEM = "problem"


class Verdict(StrEnum):
    """What a script is told of all findings together."""

    FINE = "fine"
    FOUND = "found"
    UNSEEN = "unseen"


EXIT_CODES: Mapping[Verdict, int] = {Verdict.FINE: 0, Verdict.FOUND: 2, Verdict.UNSEEN: 4}
"""`ansible-playbook`'s own codes for: all went well, a host has failed, a host could not be reached."""
_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_SHOWN = 20
_HEADINGS = ("severity", "about", "what", "EUR a month", "finding")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `eur_month` is what it costs, None when nothing or unknown; `text` says what to do."""

    severity: Severity
    area: str
    subject: str
    text: str
    eur_month: Decimal | None = None


def verdict(severities: Iterable[Severity], *, fail_on: Severity = Severity.WARNING) -> Verdict:
    """Anything as bad as `fail_on` counts first, then what could not be looked at."""
    seen = set(severities)
    if any(_RANK[severity] >= _RANK[fail_on] for severity in seen - {Severity.UNSEEN}):
        return Verdict.FOUND
    return Verdict.UNSEEN if Severity.UNSEEN in seen else Verdict.FINE


def summary(findings: Sequence[Finding]) -> str:
    """One line: how many of each kind, worst first, and what the things that nobody uses cost."""
    counts = [(severity, sum(one.severity is severity for one in findings)) for severity in reversed(Severity)]
    told = ", ".join(f"{count} {severity}" for severity, count in counts if count) or "nothing was looked at"
    cost = sum((one.eur_month for one in findings if one.eur_month), Decimal(0))
    return f"{told}; what is not needed costs EUR {cost} a month" if cost else told


def table(findings: Iterable[Finding]) -> str:
    """A table for people, worst and dearest first. Of many alike 20 are shown, and what the rest costs."""
    rows = [_HEADINGS, *(_row(one) for one in _folded(findings))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows)


def as_dict(finding: Finding) -> dict[str, Any]:
    """For programs; euros as text."""
    return {
        "severity": finding.severity.value,
        "area": finding.area,
        "subject": finding.subject,
        "text": finding.text,
        "eur_month": None if finding.eur_month is None else str(finding.eur_month),
    }


def _folded(findings: Iterable[Finding]) -> list[Finding]:
    alike: dict[tuple[Severity, str], list[Finding]] = defaultdict(list)
    for one in sorted(findings, key=_order):
        alike[one.severity, one.area].append(one)
    return [line for group in alike.values() for line in _shortened(group)]


def _shortened(group: list[Finding]) -> list[Finding]:
    shown, rest = group[:_SHOWN], group[_SHOWN:]
    if not rest:
        return shown
    cost = sum((one.eur_month for one in rest if one.eur_month), Decimal(0))
    return [*shown, Finding(rest[0].severity, rest[0].area, f"{len(rest)} more", "like those above", cost or None)]


def _order(finding: Finding) -> tuple[int, str, Decimal, str]:
    return -_RANK[finding.severity], finding.area, -(finding.eur_month or Decimal(0)), finding.subject


def _row(finding: Finding) -> tuple[str, str, str, str, str]:
    cost = "" if finding.eur_month is None else str(finding.eur_month)
    return finding.severity.value, finding.area, finding.subject, cost, finding.text

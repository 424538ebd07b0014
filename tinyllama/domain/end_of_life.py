"""Until when the software that we run on is kept up by those who make it. One table; looked up on 2026-11-23.

Where a source names a month, the month's last day is meant; where sources differ, the earlier date is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tinyllama.domain.findings import Finding, Severity

AREA = "end of life"
LOOKED = date(2026, 11, 23)
SOON_DAYS = 180
"""So long before the end it becomes a warning: half a year to move."""


@dataclass(frozen=True, slots=True)
class Life:
    """When it ends, what happens then, and who says so."""

    ends: date
    then: str
    source: str


_LAMBDA = "Lambda Developer Guide, 'Lambda runtimes'; python3.11 by two other copies of its table"
_UBUNTU = "ubuntu.com/about/release-cycle: April in some copies, May in others"
_REDIS = "ElastiCache User Guide, 'Extended Support charges'"
_PYTHON = "Python Developer's Guide, 'Status of Python versions'"
_UNPATCHED = "AWS patches it no more, and then refuses to create and update functions"
_EXTENDED = "AWS charges Extended Support by itself from the next day on; delete the cluster or move to a newer engine"
_NO_FIXES = "nobody mends holes in it any more"

LIVES: Mapping[str, Mapping[str, Life]] = {
    "Lambda runtime": {
        "python3.10": Life(date(2026, 10, 31), _UNPATCHED, _LAMBDA),
        "python3.11": Life(date(2027, 6, 30), _UNPATCHED, _LAMBDA),
        "python3.12": Life(date(2028, 10, 31), _UNPATCHED, _LAMBDA),
        "python3.13": Life(date(2029, 6, 30), _UNPATCHED, _LAMBDA),
        "python3.14": Life(date(2029, 6, 30), _UNPATCHED, _LAMBDA),
    },
    "Ubuntu": {
        "20.04": Life(date(2025, 5, 31), _NO_FIXES, _UBUNTU),
        "22.04": Life(date(2027, 4, 30), _NO_FIXES, _UBUNTU),
        "24.04": Life(date(2029, 4, 30), _NO_FIXES, _UBUNTU),
    },
    "Redis": {
        "4": Life(date(2026, 1, 31), _EXTENDED, _REDIS),
        "5": Life(date(2026, 1, 31), _EXTENDED, _REDIS),
        "6": Life(date(2027, 1, 31), _EXTENDED, _REDIS),
    },
    "Python": {
        "3.11": Life(date(2027, 10, 31), _NO_FIXES, _PYTHON),
        "3.12": Life(date(2028, 10, 31), _NO_FIXES, _PYTHON),
        "3.13": Life(date(2029, 10, 31), _NO_FIXES, _PYTHON),
        "3.14": Life(date(2030, 10, 31), _NO_FIXES, _PYTHON),
    },
}


def judge(product: str, version: str, *, used_by: str, today: date) -> Finding:
    """What is to be said of a version on that day; ElastiCache's versions count by their first number."""
    key = version.partition(".")[0] if product == "Redis" else version
    subject = f"{product} {version}"
    life = LIVES[product].get(key)
    if life is None:
        text = f"{used_by}: its end is not in our table of {LOOKED}: look it up, and add it"
        return Finding(Severity.NOTE, AREA, subject, text)
    days = (life.ends - today).days
    if days < 0:
        return Finding(Severity.PROBLEM, AREA, subject, f"{used_by}: ended on {life.ends}; {life.then}")
    if days <= SOON_DAYS:
        text = f"{used_by}: ends on {life.ends}, in {days} days; {life.then}"
        return Finding(Severity.WARNING, AREA, subject, text)
    return Finding(Severity.FINE, AREA, subject, f"{used_by}: until {life.ends}")

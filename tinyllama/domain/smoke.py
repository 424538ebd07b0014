"""Whether the whole path works (CI-003): a prompt goes in, its reply stands in S3, and how long that took."""

import json
from dataclasses import dataclass
from enum import StrEnum

SLOW_S, LIMIT_S = 90.0, 120.0
"""From here on it is slow; from here on it has failed."""


class Verdict(StrEnum):
    """`slow` is worth a warning, not a stop: CI calls it unstable."""

    PASSED = "passed"
    SLOW = "slow"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, why, and the seconds from the request to the reply."""

    verdict: Verdict
    reason: str
    seconds: float


def judge(reply: bytes | None, seconds: float) -> Outcome:
    """Judge what was found in S3, None for nothing, after so many seconds."""
    wrong = _wrong(reply)
    if wrong or seconds > LIMIT_S:
        return Outcome(Verdict.FAILED, wrong or f"the reply took {seconds:.0f} s, {LIMIT_S:.0f} s are allowed", seconds)
    if seconds >= SLOW_S:
        return Outcome(Verdict.SLOW, f"the reply took {seconds:.0f} s, {SLOW_S:.0f} s are usual", seconds)
    return Outcome(Verdict.PASSED, "the reply is there", seconds)


def _wrong(reply: bytes | None) -> str:
    if reply is None:
        return f"no reply in {LIMIT_S:.0f} s: see whether the node runs, then its worker's log"
    try:
        document = json.loads(reply)
    except ValueError:
        return "the reply is no JSON"
    if not isinstance(document, dict) or not document:
        return "the reply is empty"
    if "error" in document:
        return f"the reply says: {document['error']}"
    return "" if document.get("text") else "the reply has no text"

"""The Logs Insights queries ask for fields that our logs really have."""

import json
import re
from pathlib import Path

import pytest

from lambdas.http import Request, access_record
from tinyllama.adapters.emf import EmfMetrics
from tinyllama.domain.metrics import Metric

QUERIES = sorted((Path(__file__).parents[2] / "observability" / "queries").glob("*.cwi"))
WORKER_FIELDS = {"event", "id", "attempt", "reason", "total_ms"}
AUDIT_FIELDS = {"audit", "who", "from", "what", "inputs", "action", "target", "operationId", "outcome", "error"}
BUILT_IN = {"@timestamp", "@log", "@message"}
WORDS = frozenset(("fields", "filter", "sort", "limit", "stats", "by", "as", "asc", "desc", "or", "and"))
FUNCTIONS = frozenset(("count", "min", "max", "pct", "ispresent"))


def known_fields() -> set[str]:
    """Every field of an access record, with what is in some of them, and every metric."""
    event = {"rawPath": "/", "headers": {}, "requestContext": {"requestId": "r", "http": {"method": "GET"}}}
    record = access_record(Request.from_event(event), route="GET /", status=200, sub=None, latency_ms=1.0)
    metrics = EmfMetrics()
    for metric in Metric:
        metrics.count(metric, 1, **dict.fromkeys(metric.dimensions, "x"))
    known = set(record) | {"jobId", "wakeFailed"} | set(metrics.fields(0)) | WORKER_FIELDS | BUILT_IN
    return known | AUDIT_FIELDS


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_a_query_names_its_log_group_and_only_fields_that_exist(query: Path) -> None:
    text = query.read_text()
    assert re.search(r"^# Log groups?: /", text, re.MULTILINE)
    code = re.sub(r'"[^"]*"', "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    named = set(re.findall(r"\bas (\w+)", code))
    used = set(re.findall(r"@?[A-Za-z]\w*", code)) - WORDS - FUNCTIONS - named
    assert used <= known_fields()


def test_there_is_a_query_for_each_question_that_operators_ask() -> None:
    names = {path.stem for path in QUERIES}
    assert names == {"admin_requests", "api_5xx", "throttled_users", "cold_boots", "slowest_requests", "job_life"}


def test_the_admin_api_logs_the_fields_that_its_query_uses() -> None:
    """What a whole audit line holds is tested with the function; here, that no name was changed on one side only."""
    source = "".join(path.read_text() for path in (Path(__file__).parents[2] / "lambdas" / "resize").glob("*.py"))
    for name in AUDIT_FIELDS - {"action", "target"}:
        assert json.dumps(name) in source, name


def test_the_worker_logs_the_fields_that_the_queries_use() -> None:
    source = "".join(path.read_text() for path in (Path(__file__).parents[2] / "worker").glob("*.py"))
    for name in WORKER_FIELDS - {"event", "total_ms"}:
        assert f"{name}=" in source
    assert json.dumps("event") in source

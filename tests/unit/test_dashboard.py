"""The dashboard and the alarms show metrics that somebody really publishes."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tinyllama.domain.metrics import Metric

ROOT = Path(__file__).parents[2]
WIDGETS: list[dict[str, Any]] = json.loads((ROOT / "observability" / "dashboard.json").read_text())["widgets"]
TITLES = [widget["properties"]["title"] for widget in WIDGETS]
OURS = {(metric.namespace, metric.metric): metric for metric in Metric}
AWS = {"AWS/ApiGateway", "AWS/ElastiCache", "AWS/Lambda", "AWS/Logs", "AWS/SQS", "AWS/Scheduler"}
ALARM = re.compile(r'^resource "aws_cloudwatch_metric_alarm" "\w+" {\n(.*?)^}', re.MULTILINE | re.DOTALL)


def series(widget: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each plain metric of a widget."""
    for entry in widget["properties"]["metrics"]:
        words = [word for word in entry if isinstance(word, str)]
        if words:
            yield words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))


def alarms() -> Iterator[tuple[str, str, str]]:
    """Name, namespace and metric of every alarm in terraform/."""
    for path in sorted((ROOT / "terraform").glob("modules/*/*.tf")):
        for body in ALARM.findall(path.read_text()):
            said = dict(re.findall(r'^  (alarm_name|namespace|metric_name) += "([^"]+)"', body, re.MULTILINE))
            yield said["alarm_name"], said["namespace"], said["metric_name"]


def test_the_dashboard_shows_what_operators_ask_for() -> None:
    asked = (
        "GPU utilisation",
        "GPU memory",
        "Redis memory",
        "latency p95",
        "Requests a minute",
        "EUR",
        "budget",
        "watchdog",
    )
    assert len(WIDGETS) >= len(asked)
    assert not [word for word in asked if not any(word in title for title in TITLES)]


def test_no_title_and_no_place_is_used_twice() -> None:
    assert len(set(TITLES)) == len(TITLES)
    squares = [
        (x, y)
        for widget in WIDGETS
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(set(squares)) == len(squares)
    assert max(x for x, _ in squares) < 24, "a dashboard has 24 columns"


@pytest.mark.parametrize("widget", WIDGETS, ids=TITLES)
def test_a_widget_shows_metrics_that_exist(widget: Mapping[str, Any]) -> None:
    for namespace, name, dimensions in series(widget):
        if (namespace, name) in OURS:
            assert set(dimensions) == set(OURS[namespace, name].dimensions)
        else:
            assert namespace in AWS, f"nobody publishes {namespace} {name}"
            assert dimensions


@pytest.mark.parametrize("widget", WIDGETS, ids=TITLES)
def test_no_axis_shows_less_than_nothing(widget: Mapping[str, Any]) -> None:
    properties = widget["properties"]
    assert properties["yAxis"]["left"]["min"] == 0
    assert properties["yAxis"]["right"]["min"] == 0
    assert properties.get("stacked") is not True


def test_every_alarm_watches_a_metric_that_exists() -> None:
    found = list(alarms())
    assert {name for name, _, _ in found} >= {
        "RedisMemory70",
        "QueueHealthFail",
        "RedisEnqueueFail",
        "EIPIdle",
        "AccessLog70MB",
        "LeaseStopRefused",
        "LeaseStopDropped",
    }
    assert not [alarm for alarm in found if alarm[1:] not in OURS and alarm[1] not in AWS]


def test_the_alarms_stay_within_the_ten_that_are_free() -> None:
    assert len(list(alarms())) <= 10

"""Metrics as CloudWatch Embedded Metric Format: fields of a log line, so that no API call is made.

Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from collections.abc import Mapping
from typing import Any

from tinyllama.domain.metrics import Metric

_DIRECTIVES: Mapping[str, Mapping[str, Any]] = {
    metric.metric: {
        "Namespace": metric.namespace,
        "Dimensions": [list(metric.dimensions)],
        "Metrics": [{"Name": metric.metric, "Unit": "Count"}],
    }
    for metric in Metric
}


class EmfMetrics:
    """`Metrics` that become part of one log record."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._dimensions: dict[str, str] = {}

    def count(self, metric: Metric, value: float = 1, **dimensions: str) -> None:
        if dimensions.keys() != set(metric.dimensions):
            raise ValueError(f"{metric.metric} takes the dimensions {metric.dimensions}, not {tuple(dimensions)}")
        self._values[metric.metric] = self._values.get(metric.metric, 0) + value
        self._dimensions.update(dimensions)

    def fields(self, now_ms: int) -> Mapping[str, Any]:
        """The fields to merge into the log record; none when nothing was counted."""
        if not self._values:
            return {}
        directives = [_DIRECTIVES[name] for name in self._values]
        return {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": directives}, **self._dimensions, **self._values}

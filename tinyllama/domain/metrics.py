"""Every custom metric there is. Ten are free; each further one costs USD 0.30 a month."""

from enum import Enum


class Metric(Enum):
    """A metric's CloudWatch namespace, name and the dimensions it may carry."""

    RATE_LIMIT_BREACHES = ("TLFIF", "ApiRateLimitBreaches")
    ENQUEUE_FAIL = ("TLFIF", "RedisEnqueueFail")
    EC2_STARTS = ("TLFIF", "EC2Starts", "Reason")
    RESIZE_REQUESTS = ("TLFIF", "ResizeRequests", "Action")
    BUDGET_STOPS = ("TLFIF", "BudgetStops")
    CURRENT_SPEND_EUR = ("TLFIF", "CurrentSpendEUR")
    SMOKE_DURATION = ("TLFIF", "SmokeDuration")
    ENQUEUES = ("TLFIF/Queue", "Enqueues")
    AUTO_STOPS = ("TLFIF/EC2", "AutoStops")
    EIP_IDLE = ("TLFIF/EC2", "EIPIdle")

    def __init__(self, namespace: str, metric: str, *dimensions: str) -> None:
        self.namespace = namespace
        self.metric = metric
        self.dimensions = dimensions

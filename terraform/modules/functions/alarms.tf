# Monthly cost: nothing, ten alarms are free.

resource "aws_cloudwatch_metric_alarm" "enqueue_fail" {
  alarm_name          = "RedisEnqueueFail"
  alarm_description   = "Three prompts within five minutes were refused because the queue is away: docs/ops/queue_health.md."
  namespace           = "TLFIF"
  metric_name         = "RedisEnqueueFail"
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 3
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topics.alerts]

  tags = { Role = "functions" }
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "UndeliveredEvents"
  alarm_description   = "A function failed on an event three times. The event is in the queue tinyllama-undelivered."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.undelivered.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topics.alerts]

  tags = { Role = "functions" }
}

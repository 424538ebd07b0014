# Monthly cost: nothing, ten alarms are free.

resource "aws_cloudwatch_metric_alarm" "redis_memory" {
  count = local.redis

  alarm_name          = "RedisMemory70"
  alarm_description   = "Redis uses 70 % of its memory. The queue is capped, so something else writes there: docs/ops/queue_health.md."
  namespace           = "AWS/ElastiCache"
  metric_name         = "DatabaseMemoryUsagePercentage"
  dimensions          = { CacheClusterId = "tl-fif-queue-001" }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 70
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]

  tags = { Role = "queue" }
}

resource "aws_cloudwatch_metric_alarm" "dead_jobs" {
  alarm_name          = "DeadJobs"
  alarm_description   = "A job failed for good, and its owner was told. Read why in the queue tinyllama-jobs-dead and in the log /ec2/gpu-node."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]

  tags = { Role = "queue" }
}

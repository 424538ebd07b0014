# The lease (decision 6): EventBridge Scheduler stops the node by itself when nobody renews. The router makes the
# schedules; deleting the group deletes what is left of them. Monthly cost: nothing, 14 M calls and ten alarms are free.

locals {
  lease_role_arn = "${local.arn}:iam::${var.account.id}:role/tinyllama-lease"
}

resource "aws_scheduler_schedule_group" "leases" {
  name = "tinyllama-leases"
  tags = { Role = "lease" }
}

resource "aws_iam_role" "lease" {
  name        = "tinyllama-lease"
  description = "EventBridge Scheduler stops the node when its lease ends"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })

  tags = { Role = "lease" }
}

resource "aws_iam_role_policy" "lease" {
  name = "stop-the-node"
  role = aws_iam_role.lease.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["ec2:StopInstances"]
      Resource  = ["${local.arn}:ec2:*:${var.account.id}:instance/*"]
      Condition = { StringEquals = local.own_tags }
    }]
  })
}

# Nobody else would say so: the scheduler tries a stop that EC2 refuses again for a day, then drops it.
resource "aws_cloudwatch_metric_alarm" "lease_refused" {
  alarm_name          = "LeaseStopRefused"
  alarm_description   = "EC2 refused to stop the node at the end of its lease. If it runs: playbooks/stop.yml, and look at the role tinyllama-lease."
  namespace           = "AWS/Scheduler"
  metric_name         = "TargetErrorCount"
  dimensions          = { ScheduleGroup = aws_scheduler_schedule_group.leases.name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]

  tags = { Role = "lease" }
}

resource "aws_cloudwatch_metric_alarm" "lease_dropped" {
  alarm_name          = "LeaseStopDropped"
  alarm_description   = "A lease has ended, and its stop was given up. If the node runs, nothing but its watchdog ends it: playbooks/stop.yml."
  namespace           = "AWS/Scheduler"
  metric_name         = "InvocationDroppedCount"
  dimensions          = { ScheduleGroup = aws_scheduler_schedule_group.leases.name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]

  tags = { Role = "lease" }
}

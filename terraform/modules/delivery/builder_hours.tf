# More than 60 minutes of the builder a month (CI-002): a budget of hours, since no alarm looks back a month, and a metric
# of ours would be the eleventh (docs/adr/0058). Monthly cost: nothing, budgets without actions are free.

resource "aws_budgets_budget" "builder_hours" {
  count = local.builder

  name         = "tinyllama-builder-hours"
  budget_type  = "USAGE"
  time_unit    = "MONTHLY"
  limit_amount = "1.0"
  limit_unit   = "Hrs"

  # By type, not by tag: AWS Budgets knows a tag only after somebody activated it for billing by hand.
  dynamic "cost_filter" {
    for_each = { UsageTypeGroup = "EC2: Running Hours", InstanceType = local.type }

    content {
      name   = cost_filter.key
      values = [cost_filter.value]
    }
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    notification_type         = "ACTUAL"
    subscriber_sns_topic_arns = [var.warn_topic_arn]
  }

  tags = { Role = "builder" }
}

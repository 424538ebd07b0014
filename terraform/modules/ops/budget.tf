# The budget and its topics (OPS-001). Monthly cost: nothing; budgets without actions and SNS mails (1,000) are free.

locals {
  arn   = "arn:${var.account.partition}"
  place = "${var.account.region}:${var.account.id}"

  topics = {
    alerts = { name = "tinyllama-alerts", publisher = "cloudwatch.amazonaws.com", mail = var.alert_email }
    warn   = { name = "tlfif-budget-warn", publisher = "budgets.amazonaws.com", mail = var.alert_email }
    kill   = { name = "tlfif-budget-kill", publisher = "budgets.amazonaws.com", mail = var.alert_email }
    cost   = { name = "tlfif-cost-daily", publisher = null, mail = var.cost_email } # published to by a role (OPS-003)
  }
  topic_arns = { for key, topic in local.topics : key => "${local.arn}:sns:${local.place}:${topic.name}" }
}

# AWS Budgets counts in USD and lags by 8 to 12 hours: it is the backstop behind the ledger (decision 7).
resource "aws_budgets_budget" "tlfif_monthly" {
  name         = "tlfif-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = format("%.2f", var.budget_eur * var.usd_per_eur)
  limit_unit   = "USD"

  # What credits pay for is spent all the same: less them, it says 0 and warns of nothing until they are used up.
  cost_types {
    include_credit = false
    include_refund = false
  }

  dynamic "notification" {
    for_each = { warn = 75, kill = 105 }

    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      notification_type         = "ACTUAL"
      subscriber_sns_topic_arns = [aws_sns_topic.this[notification.key].arn]
    }
  }

  tags = { Role = "ops" }

  depends_on = [aws_sns_topic_policy.this] # AWS sends a trial message, which the policy has to let in
}

# Not encrypted with a key of KMS: neither Budgets nor alarms may use the free one of SNS, and another is USD 1 a month.
resource "aws_sns_topic" "this" {
  for_each = local.topics

  name = each.value.name
  tags = { Role = "ops" }
}

resource "aws_sns_topic_policy" "this" {
  for_each = { for key, topic in local.topics : key => topic if topic.publisher != null }

  arn = aws_sns_topic.this[each.key].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = each.value.publisher }
      Action    = "sns:Publish"
      Resource  = local.topic_arns[each.key]
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })
}

# AWS asks the address to confirm; until then nothing is sent to it, and a check in the root says so.
resource "aws_sns_topic_subscription" "mail" {
  for_each = local.topics

  topic_arn = aws_sns_topic.this[each.key].arn
  protocol  = "email"
  endpoint  = each.value.mail
}

# PagerDuty and the like confirm by themselves. Slack gives a channel a mail address: use that as `alert_email`.
resource "aws_sns_topic_subscription" "url" {
  for_each = var.alert_urls

  topic_arn              = aws_sns_topic.this["alerts"].arn
  protocol               = "https"
  endpoint               = each.value
  endpoint_auto_confirms = true
}

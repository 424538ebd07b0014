# What calls the functions that API Gateway does not call.

locals {
  schedules = {
    for name, schedule in {
      jwks_mirror = {
        expression = "rate(10 minutes)", zone = "UTC", why = "Keeps the copy of the key set younger than ten minutes"
      }
      cost_summary = {
        expression = "cron(0 7 * * ? *)", zone = "Europe/Berlin", why = "Yesterday's costs, every morning at seven"
      }
      canary = { expression = "rate(5 minutes)", zone = "UTC", why = "Is the router well?" }
    } : name => schedule if contains(keys(local.functions), name)
  }
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                         = local.names[each.key]
  description                  = each.value.why
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.this[each.key].arn
    role_arn = aws_iam_role.scheduler.arn

    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 600
    }
  }
}

# The role that EventBridge Scheduler takes on to call functions of ours; not that of the lease.
resource "aws_iam_role" "scheduler" {
  name        = "tinyllama-scheduler"
  description = "EventBridge Scheduler calls the functions that run by the clock"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })

  tags = { Role = "functions" }
}

resource "aws_iam_role_policy" "scheduler" {
  name = "call"
  role = aws_iam_role.scheduler.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [for name in keys(local.schedules) : "${local.arn}:lambda:${local.place}:function:${local.names[name]}"]
    }]
  })
}

# The node's changes of state, for the ledger. The function tells its own instances from others by their tags.
resource "aws_cloudwatch_event_rule" "node_events" {
  count = contains(keys(local.functions), "node_events") ? 1 : 0

  name        = "tinyllama-node-events"
  description = "An instance changed its state"

  event_pattern = jsonencode({
    source      = ["aws.ec2"]
    detail-type = ["EC2 Instance State-change Notification"]
    detail      = { state = ["pending", "running", "stopping", "stopped", "terminated"] }
  })

  tags = { Role = "functions" }
}

resource "aws_cloudwatch_event_target" "node_events" {
  count = length(aws_cloudwatch_event_rule.node_events)

  rule = aws_cloudwatch_event_rule.node_events[0].name
  arn  = aws_lambda_function.this["node_events"].arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_sns_topic_subscription" "budget_killer" {
  count = contains(keys(local.functions), "budget_killer") ? 1 : 0

  topic_arn = var.topics.kill
  protocol  = "lambda"
  endpoint  = aws_lambda_function.this["budget_killer"].arn
}

# Services that call a function by themselves. EventBridge Scheduler takes on a role instead, API Gateway is in `edge`.
resource "aws_lambda_permission" "callers" {
  for_each = {
    for name, caller in {
      node_events   = { principal = "events.amazonaws.com", source_arn = one(aws_cloudwatch_event_rule.node_events[*].arn) }
      budget_killer = { principal = "sns.amazonaws.com", source_arn = var.topics.kill }
    } : name => caller if contains(keys(local.functions), name)
  }

  statement_id  = "trigger"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.key].function_name
  principal     = each.value.principal
  source_arn    = each.value.source_arn
}

# Events that EventBridge could not deliver go to the same queue as those that a function failed on.
resource "aws_sqs_queue_policy" "undelivered" {
  count = length(aws_cloudwatch_event_rule.node_events)

  queue_url = aws_sqs_queue.undelivered.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.undelivered.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.node_events[0].arn } }
    }]
  })
}

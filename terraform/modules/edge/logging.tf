locals {
  # One JSON object a request (API-004). The router writes a record of its own to the same group, with `jwtSub` and
  # `origin`, which the gateway does not know: it has no authorizer.
  access_record = {
    requestId = "$context.requestId"
    ip        = "$context.identity.sourceIp"
    route     = "$context.routeKey"
    status    = "$context.status"
    latencyMs = "$context.responseLatency"
    userAgent = "$context.identity.userAgent"
  }
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/apigw/tinyllama-access"
  retention_in_days = 30
  tags              = { Role = "edge" }
}

# An alarm looks back seven days at most, so a month's 70 MB are asked for by the day.
resource "aws_cloudwatch_metric_alarm" "access_log_size" {
  alarm_name          = "AccessLog70MB"
  alarm_description   = "At this rate the access log gets 70 MB a month. See who calls: observability/queries/throttled_users.cwi."
  namespace           = "AWS/Logs"
  metric_name         = "IncomingBytes"
  dimensions          = { LogGroupName = aws_cloudwatch_log_group.access.name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = floor(70 * 1024 * 1024 / 30)
  period              = 86400
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]

  tags = { Role = "edge" }
}

resource "aws_cloudwatch_metric_alarm" "queue_health" {
  alarm_name          = "QueueHealthFail"
  alarm_description   = "The queue did not answer in two of three periods of five minutes: docs/ops/queue_health.md."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  dimensions          = { ApiId = aws_apigatewayv2_api.main.id, Stage = "$default", Method = "GET", Resource = "/queue-health" }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]

  tags = { Role = "edge" }
}

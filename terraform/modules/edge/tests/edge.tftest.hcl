# The API: routes, throttles, access log and alarms.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  alert_topic_arn = "arn:aws:sns:eu-central-1:123456789012:tinyllama-alerts"

  handlers = {
    router       = { function_name = "tinyllama-router", arn = "arn:aws:lambda:eu-central-1:123456789012:function:tinyllama-router:prod", qualifier = "prod" }
    queue_health = { function_name = "tinyllama-queue-health", arn = "arn:aws:lambda:eu-central-1:123456789012:function:tinyllama-queue-health" }
    resize       = { function_name = "tinyllama-resize", arn = "arn:aws:lambda:eu-central-1:123456789012:function:tinyllama-resize" }
  }
}

run "every_route_has_a_throttle_of_its_own" {
  assert {
    condition = { for setting in aws_apigatewayv2_stage.default.route_settings : setting.route_key => true } == { for key in keys(local.routes) : key => true } && alltrue([
      for setting in aws_apigatewayv2_stage.default.route_settings : setting.throttling_burst_limit > 0 && setting.throttling_rate_limit > 0
    ])
    error_message = "API-003: burst and rate are explicit for each route."
  }
}

run "asking_stopping_and_health_are_throttled_as_the_ticket_says" {
  assert {
    condition = alltrue([
      for setting in aws_apigatewayv2_stage.default.route_settings : setting.throttling_burst_limit == 5 && setting.throttling_rate_limit == 20
      if contains(["POST /infer", "POST /stop", "GET /health"], setting.route_key)
    ])
    error_message = "API-003: burst 5, rate 20."
  }
}

run "the_router_is_called_through_its_alias" {
  assert {
    condition     = aws_apigatewayv2_integration.function["router"].integration_uri == var.handlers["router"].arn && aws_lambda_permission.api["router"].qualifier == "prod"
    error_message = "A rollback moves the alias, so the API has to call it."
  }
}

run "no_route_has_an_authorizer_and_the_api_no_cors" {
  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.this : route.authorization_type == "NONE"]) && length(aws_apigatewayv2_api.main.cors_configuration) == 0
    error_message = "The router does both itself (decisions 2 and 3)."
  }
}

run "the_access_log_is_json_and_forgets_after_thirty_days" {
  assert {
    condition     = aws_cloudwatch_log_group.access.name == "/apigw/tinyllama-access" && aws_cloudwatch_log_group.access.retention_in_days == 30
    error_message = "API-004: 30 days."
  }

  assert {
    condition     = length(setsubtract(["requestId", "ip", "route", "status", "latencyMs", "userAgent"], keys(jsondecode(one(aws_apigatewayv2_stage.default.access_log_settings).format)))) == 0
    error_message = "API-004 names the fields."
  }
}

run "the_alarm_is_for_seventy_megabytes_a_month" {
  assert {
    condition     = abs(aws_cloudwatch_metric_alarm.access_log_size.threshold * 30 - 70 * 1024 * 1024) < 30 && aws_cloudwatch_metric_alarm.access_log_size.period == 86400
    error_message = "A thirtieth of 70 MB a day."
  }
}

run "two_bad_periods_of_three_raise_the_queues_alarm" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.queue_health.datapoints_to_alarm == 2 && aws_cloudwatch_metric_alarm.queue_health.evaluation_periods == 3 && aws_cloudwatch_metric_alarm.queue_health.period == 300
    error_message = "RED-002: 2 of 3 periods of five minutes."
  }

  assert {
    condition = alltrue([
      for setting in aws_apigatewayv2_stage.default.route_settings : setting.detailed_metrics_enabled == (setting.route_key == "GET /queue-health")
    ])
    error_message = "Metrics by route cost money: only the alarm's route has them."
  }
}

run "rejects_an_api_without_a_router" {
  command         = plan
  expect_failures = [var.handlers]

  variables {
    handlers = {}
  }
}

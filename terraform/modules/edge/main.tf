# Monthly cost: nothing at 50 requests a day (HTTP API USD 1.00 a million). Access log: at most 100 MB a month, which is
# free (5 GB are); an alarm says when it gets near 70.

locals {
  # As docs/api/openapi.yaml has them; a test holds both against each other. Burst and rate are per route, for everybody,
  # a second: a backstop behind the router's own throttle of each user (decision 2). Polling needs more than asking.
  routes = {
    "POST /infer"               = { function = "router", burst = 5, rate = 20 }
    "GET /jobs/{id}"            = { function = "router", burst = 20, rate = 50 }
    "DELETE /jobs/{id}"         = { function = "router", burst = 5, rate = 20 }
    "GET /health"               = { function = "router", burst = 5, rate = 20 }
    "POST /stop"                = { function = "router", burst = 5, rate = 20 }
    "GET /queue-health"         = { function = "queue_health", burst = 5, rate = 5 }
    "POST /resize"              = { function = "resize", burst = 5, rate = 5 }
    "GET /resize/{operationId}" = { function = "resize", burst = 20, rate = 20 }
    "OPTIONS /{proxy+}"         = { function = "router", burst = 20, rate = 50 }
    "$default"                  = { function = "router", burst = 5, rate = 20 }
  }
  called = toset([for route in local.routes : route.function])
}

resource "aws_apigatewayv2_api" "main" {
  name          = "tinyllama"
  description   = "docs/api/openapi.yaml"
  protocol_type = "HTTP"
  # No cors_configuration: HTTP APIs know no port wildcards and answer 204 to a refused origin (decision 3).

  tags = { Role = "edge" }
}

resource "aws_apigatewayv2_integration" "function" {
  for_each = local.called

  api_id                 = aws_apigatewayv2_api.main.id
  description            = "The function ${each.key}"
  integration_type       = "AWS_PROXY"
  integration_uri        = var.handlers[each.key].arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000
}

# No authorizer: the router verifies tokens itself (decision 2); /queue-health is for addresses inside the VPC only.
resource "aws_apigatewayv2_route" "this" {
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.main.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.function[each.value.function].id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.main.id
  name        = "$default"
  description = "The one stage: its path is /"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = jsonencode(local.access_record)
  }

  default_route_settings {
    throttling_burst_limit = 5
    throttling_rate_limit  = 20
  }

  dynamic "route_settings" {
    for_each = local.routes

    content {
      route_key                = route_settings.key
      throttling_burst_limit   = route_settings.value.burst
      throttling_rate_limit    = route_settings.value.rate
      detailed_metrics_enabled = route_settings.key == "GET /queue-health" # for the alarm QueueHealthFail
    }
  }

  tags = { Role = "edge" }

  # API Gateway refuses settings of a route that does not exist yet.
  depends_on = [aws_apigatewayv2_route.this]
}

resource "aws_lambda_permission" "api" {
  for_each = local.called

  statement_id  = "api-gateway"
  action        = "lambda:InvokeFunction"
  function_name = var.handlers[each.key].function_name
  qualifier     = var.handlers[each.key].qualifier
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.main.execution_arn}/*/*"
}

output "api_id" {
  description = "The HTTP API."
  value       = aws_apigatewayv2_api.main.id
}

output "api_url" {
  description = "Where the API answers, without a slash at the end."
  value       = trimsuffix(aws_apigatewayv2_api.main.api_endpoint, "/")
}

output "routes" {
  description = "Every route: the function it leads to, and its burst and rate a second."
  value       = local.routes
}

output "access_log_group" {
  description = "Name of the access log."
  value       = aws_cloudwatch_log_group.access.name
}

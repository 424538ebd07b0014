output "handlers" {
  description = "What API Gateway calls: ARN and name of a function, and its alias if it has one."
  value = {
    for name, function in aws_lambda_function.this : name => {
      function_name = function.function_name
      arn           = name == "router" ? aws_lambda_alias.prod.arn : function.arn
      qualifier     = name == "router" ? aws_lambda_alias.prod.name : null
    }
  }
}

output "router_version" {
  description = "Version of the router that the alias `prod` points to."
  value       = aws_lambda_alias.prod.function_version
}

output "functions" {
  description = "Name of every function by what it is called in lambdas/."
  value       = local.names
}

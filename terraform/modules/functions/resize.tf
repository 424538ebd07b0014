# The admin API (EC2-002): starts the one document of `node`, and follows it. Monthly cost: nothing.

locals {
  admin_functions = {
    resize = {
      description = "Starts, stops and resizes the node for admins (EC2-002)"
      handler     = "lambdas.resize.handler.lambda_handler"
      memory_mb   = 256
      timeout_s   = 30
      undelivered = "called synchronously: the caller is told"
      inside_vpc  = false
      environment = {
        COGNITO_ISSUER  = var.users.issuer
        COGNITO_AUD     = var.users.client_id
        RESIZE_DOCUMENT = var.resize.document
        RESIZE_TYPES    = join(",", var.resize.types)
        LEASE_ROLE_ARN  = var.lease.role_arn
      }
      duties = jsonencode({ Version = "2012-10-17", Statement = [
        {
          Sid      = "StartTheOneDocument"
          Effect   = "Allow"
          Action   = ["ssm:StartAutomationExecution"]
          Resource = ["${local.arn}:ssm:${local.place}:automation-definition/${var.resize.document}:*"]
        },
        {
          Sid       = "PassItsRole"
          Effect    = "Allow"
          Action    = ["iam:PassRole"]
          Resource  = [var.resize.role_arn]
          Condition = { StringEquals = { "iam:PassedToService" = "ssm.amazonaws.com" } }
        },
        {
          Sid      = "FollowIt" # an execution's ARN does not name its document: the function looks
          Effect   = "Allow"
          Action   = ["ssm:GetAutomationExecution"]
          Resource = ["${local.arn}:ssm:${local.place}:automation-execution/*"]
        },
        { # both know no resources
          Sid      = "Look"
          Effect   = "Allow"
          Action   = ["ec2:DescribeInstances", "ssm:DescribeAutomationExecutions"]
          Resource = ["*"]
        },
      ] })
    }
  }
}

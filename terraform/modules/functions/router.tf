locals {
  node_tags = { "aws:ResourceTag/Project" = "tinyllama", "aws:ResourceTag/Role" = "gpu-node" }


  request_functions = {
    router = {
      description = "Answers the API: checks tokens, admits jobs, wakes the node"
      handler     = "lambdas.router.handler.lambda_handler"
      memory_mb   = 512
      timeout_s   = 30
      undelivered = "called synchronously: the caller is told"
      inside_vpc  = var.enable_redis
      environment = merge(local.queue_environment, {
        TL_DISABLE_LAM_ROUTER = "0"
        COGNITO_ISSUER        = var.users.issuer
        COGNITO_AUD           = var.users.client_id
        REPLY_BUCKET          = var.reply_bucket.name
        LEASE_ROLE_ARN        = var.lease.role_arn
        LEASE_GROUP           = var.lease.group
        JWKS_BUCKET           = var.enable_redis ? var.key_bucket.name : null
      })
      duties = jsonencode({ Version = "2012-10-17", Statement = concat(local.router_statements, local.admission_statements) })
    }

    queue_health = {
      description = "Says whether the queue answers, to callers inside the VPC"
      handler     = "lambdas.queue_health.handler.lambda_handler"
      memory_mb   = 256
      timeout_s   = 10
      undelivered = "called synchronously: the caller is told"
      inside_vpc  = var.enable_redis
      environment = merge(local.queue_environment, { ALLOWED_CIDRS = join(",", var.inside_cidrs) })
      duties      = jsonencode({ Version = "2012-10-17", Statement = local.probe_statements })
    }
  }

  router_statements = concat(
    [
      {
        Sid      = "FindTheNode" # Describe calls know no resources
        Effect   = "Allow"
        Action   = ["ec2:DescribeInstances"]
        Resource = ["*"]
      },
      {
        Sid      = "MayItWakeTheNode"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = [local.wake_parameter_arn]
      },
      {
        Sid       = "WakeAndStopTheNode"
        Effect    = "Allow"
        Action    = ["ec2:StartInstances", "ec2:StopInstances"]
        Resource  = ["${local.arn}:ec2:${local.place}:instance/*"]
        Condition = { StringEquals = local.node_tags }
      },
      {
        Sid      = "GrantTheLease"
        Effect   = "Allow"
        Action   = ["scheduler:CreateSchedule", "scheduler:UpdateSchedule"]
        Resource = ["${local.arn}:scheduler:${local.place}:schedule/${var.lease.group}/tinyllama-lease-*"]
      },
      {
        Sid       = "PassTheLeaseRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [var.lease.role_arn]
        Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
      },
    ],
    var.enable_redis ? [{
      Sid      = "ReadTheKeySet"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${var.key_bucket.arn}/jwks.json"]
    }] : [],
  )
}

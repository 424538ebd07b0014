# Functions whose code comes with a later release. Each exists only when named in `optional_functions`, since one without
# code would fail at every call. What they may do is what their tickets say.

locals {
  later_functions = {
    budget_killer = {
      description = "Stops what costs money when the budget is spent (OPS-001)"
      handler     = "lambdas.budget_killer.handler.lambda_handler"
      memory_mb   = 256 # decision 13: measured before it is lowered
      timeout_s   = 30
      undelivered = "dead-letter"
      inside_vpc  = false
      environment = { ENABLE_REDIS = tostring(var.enable_redis) }
      duties = jsonencode({ Version = "2012-10-17", Statement = [
        { Sid = "Look", Effect = "Allow", Action = ["ec2:DescribeInstances", "ec2:DescribeAddresses"], Resource = ["*"] },
        {
          Sid       = "StopTheNode"
          Effect    = "Allow"
          Action    = ["ec2:StopInstances"]
          Resource  = ["${local.arn}:ec2:${local.place}:instance/*"]
          Condition = { StringEquals = local.node_tags }
        },
        {
          Sid      = "ForbidToWakeIt"
          Effect   = "Allow"
          Action   = ["ssm:PutParameter"]
          Resource = [local.wake_parameter_arn]
        },
        {
          Sid       = "ReleaseAddresses"
          Effect    = "Allow"
          Action    = ["ec2:ReleaseAddress"]
          Resource  = ["${local.arn}:ec2:${local.place}:elastic-ip/*"]
          Condition = { StringEquals = { "aws:ResourceTag/Project" = "tinyllama" } }
        },
        {
          Sid    = "DeleteRedis"
          Effect = "Allow"
          Action = ["elasticache:DeleteReplicationGroup"]
          Resource = [
            "${local.arn}:elasticache:${local.place}:replicationgroup:tl-fif-queue",
            "${local.arn}:elasticache:${local.place}:cluster:tl-fif-queue-001",
          ]
        },
      ] })
    }

    node_events = {
      description = "Keeps the ledger from the node's state changes (decision 7)"
      handler     = "lambdas.node_events.handler.lambda_handler"
      memory_mb   = 256
      timeout_s   = 30
      undelivered = "dead-letter"
      inside_vpc  = false
      environment = { LEDGER_TABLE = local.ledger, KILL_TOPIC_ARN = var.topics.kill, BUDGET_EUR = tostring(var.budget_eur) }
      duties = jsonencode({ Version = "2012-10-17", Statement = [
        { Sid = "Look", Effect = "Allow", Action = ["ec2:DescribeInstances", "ec2:DescribeAddresses"], Resource = ["*"] },
        {
          Sid      = "KeepTheLedger"
          Effect   = "Allow"
          Action   = ["dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
          Resource = ["${local.arn}:dynamodb:${local.place}:table/${local.ledger}"]
        },
        { Sid = "CallTheKiller", Effect = "Allow", Action = ["sns:Publish"], Resource = [var.topics.kill] },
      ] })
    }

    cost_summary = {
      description = "Sends the daily cost mail (OPS-003)"
      handler     = "lambdas.cost_summary.handler.lambda_handler"
      memory_mb   = 256
      timeout_s   = 30
      undelivered = "dead-letter"
      inside_vpc  = false
      environment = { COST_TOPIC_ARN = var.topics.cost, REPORT_BUCKET = var.reply_bucket.name, BUDGET_EUR = tostring(var.budget_eur) }
      duties = jsonencode({ Version = "2012-10-17", Statement = [
        { Sid = "ReadCosts", Effect = "Allow", Action = ["ce:GetCostAndUsage"], Resource = ["*"] }, # knows no resources
        { Sid = "SendTheMail", Effect = "Allow", Action = ["sns:Publish"], Resource = [var.topics.cost] },
        { Sid = "OnceADay", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["${var.reply_bucket.arn}/cost/*"] },
      ] })
    }

    canary = {
      description = "Asks /health every five minutes and puts the alias back after two failures (LAM-001)"
      handler     = "lambdas.canary.handler.lambda_handler"
      memory_mb   = 256
      timeout_s   = 30
      undelivered = "dead-letter"
      inside_vpc  = false
      environment = { API_URL = var.api_url, FUNCTION_NAME = "tinyllama-router", ALIAS = "prod" }
      duties = jsonencode({ Version = "2012-10-17", Statement = [{
        Sid    = "PutTheAliasBack"
        Effect = "Allow"
        Action = ["lambda:GetAlias", "lambda:ListVersionsByFunction", "lambda:UpdateAlias"]
        Resource = [
          "${local.arn}:lambda:${local.place}:function:tinyllama-router",
          "${local.arn}:lambda:${local.place}:function:tinyllama-router:*",
        ]
      }] })
    }
  }

  ledger = "tinyllama-ledger"
}

resource "aws_dynamodb_table" "ledger" {
  count = contains(var.optional_functions, "node_events") ? 1 : 0

  name                        = local.ledger
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "month"
  range_key                   = "entry"
  deletion_protection_enabled = var.protect_data

  attribute {
    name = "month"
    type = "S"
  }

  attribute {
    name = "entry"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true # it is what the budget is judged by
  }

  tags = { Role = "functions" }
}

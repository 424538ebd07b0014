# What worker and watchdog may do. One role, since one instance has one profile.

locals {
  arn       = "arn:${var.account.partition}"
  place     = "${var.account.region}:${var.account.id}"
  own_tags  = { "aws:ResourceTag/Project" = "tinyllama", "aws:ResourceTag/Role" = "gpu-node" }
  lease_arn = "${local.arn}:scheduler:${local.place}:schedule/tinyllama-leases/tinyllama-lease-*"

  worker_statements = concat(
    [
      {
        Sid      = "ReadSettings"
        Effect   = "Allow"
        Action   = ["ssm:GetParametersByPath"]
        Resource = ["${local.arn}:ssm:${local.place}:parameter${local.settings_path}"]
      },
      {
        Sid      = "WriteReplies" # and read them: the first one written stands
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = ["${var.reply_bucket.arn}/*"]
      },
      {
        Sid      = "RenewTheLease"
        Effect   = "Allow"
        Action   = ["scheduler:CreateSchedule", "scheduler:GetSchedule", "scheduler:UpdateSchedule"]
        Resource = [local.lease_arn]
      },
      {
        Sid       = "PassTheLeaseRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [local.lease_role_arn]
        Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
      },
      {
        Sid       = "StopItself"
        Effect    = "Allow"
        Action    = ["ec2:StopInstances"]
        Resource  = ["${local.arn}:ec2:${local.place}:instance/*"]
        Condition = { StringEquals = local.own_tags }
      },
      {
        Sid      = "ShipLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = [for name in ["/ec2/gpu-node", "/ec2/idle_watch"] : "${local.arn}:logs:${local.place}:log-group:${name}:*"]
      },
      {
        Sid       = "ShipGpuMetrics" # from the CloudWatch agent; PutMetricData knows no resources
        Effect    = "Allow"
        Action    = ["cloudwatch:PutMetricData"]
        Resource  = ["*"]
        Condition = { StringEquals = { "cloudwatch:namespace" = ["CWAgent"] } }
      },
      {
        Sid    = "SessionManager" # the agent's own calls, which know no resources
        Effect = "Allow"
        Action = [
          "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
        ]
        Resource = ["*"]
      },
    ],
    var.enable_redis ? [] : [
      {
        Sid      = "ClaimJobs"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"]
        Resource = [var.queue.arn]
      },
      { Sid = "BuryJobs", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [var.queue.dead_arn] },
      {
        Sid    = "KeepJobs"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
          "dynamodb:UpdateItem",
        ]
        Resource = [var.queue.table_arn]
      },
    ],
  )
}

resource "aws_iam_role" "node" {
  count = local.count

  name        = "tinyllama-gpu-node"
  description = "Worker and watchdog on the GPU node"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  tags = { Role = "gpu-node" }
}

resource "aws_iam_role_policy" "node" {
  count = local.count

  name   = "duties"
  role   = aws_iam_role.node[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.worker_statements })
}

resource "aws_iam_instance_profile" "node" {
  count = local.count

  name = "tinyllama-gpu-node"
  role = aws_iam_role.node[0].name
  tags = { Role = "gpu-node" }

  depends_on = [aws_iam_role_policy.node]
}

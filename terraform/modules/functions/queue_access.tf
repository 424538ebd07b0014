# What the queue asks of a function: its address, and what it may do there. On Redis the security group decides instead.

locals {
  queue_environment = merge(
    { TL_QUEUE = var.enable_redis ? "redis" : "sqs", AWS_USE_DUALSTACK_ENDPOINT = var.enable_redis ? "true" : null },
    var.enable_redis ? { REDIS_HOST = var.queue.redis_host } : {},
    var.enable_redis ? {} : { QUEUE_URL = var.queue.url, QUEUE_TABLE = var.queue.table_name },
  )

  admission_statements = var.enable_redis ? [] : [
    {
      Sid      = "AdmitJobs"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [var.queue.arn]
    },
    {
      Sid    = "KeepJobs"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
        "dynamodb:PutItem", "dynamodb:UpdateItem",
      ]
      Resource = [var.queue.table_arn]
    },
  ]

  probe_statements = concat(
    [{
      Sid      = "DescribeTheCluster" # RED-002 asks for it; nothing calls it yet
      Effect   = "Allow"
      Action   = ["elasticache:DescribeCacheClusters"]
      Resource = ["${local.arn}:elasticache:${local.place}:cluster:tl-fif-queue-001"]
    }],
    var.enable_redis ? [] : [
      { Sid = "CountMessages", Effect = "Allow", Action = ["sqs:GetQueueAttributes"], Resource = [var.queue.arn] },
      { Sid = "MeasureTheTable", Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = [var.queue.table_arn] },
    ],
  )
}

# The lease (decision 6): EventBridge Scheduler stops the node by itself when nobody renews. The router makes the
# schedules; deleting the group deletes what is left of them. Monthly cost: nothing, 14 M calls are free.

locals {
  lease_role_arn = "${local.arn}:iam::${var.account.id}:role/tinyllama-lease"
}

resource "aws_scheduler_schedule_group" "leases" {
  name = "tinyllama-leases"
  tags = { Role = "lease" }
}

resource "aws_iam_role" "lease" {
  name        = "tinyllama-lease"
  description = "EventBridge Scheduler stops the node when its lease ends"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })

  tags = { Role = "lease" }
}

resource "aws_iam_role_policy" "lease" {
  name = "stop-the-node"
  role = aws_iam_role.lease.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["ec2:StopInstances"]
      Resource  = ["${local.arn}:ec2:*:${var.account.id}:instance/*"]
      Condition = { StringEquals = local.own_tags }
    }]
  })
}

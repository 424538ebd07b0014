# Changing the node's type (EC2-001, EC2-002): an Automation document, since a Command document would run on the instance
# that it stops (decision 5). Monthly cost: USD 0.002 a step, so about USD 0.02 a resize.

resource "aws_ssm_document" "resize" {
  name            = "TL-ResizeInstance"
  document_type   = "Automation"
  document_format = "YAML"

  content = templatefile("${path.module}/documents/TL-ResizeInstance.yaml", {
    role_arn       = local.resize_role_arn
    lease_group    = aws_scheduler_schedule_group.leases.name
    lease_role_arn = local.lease_role_arn
    partition      = var.account.partition
    types          = jsonencode(concat([""], var.known_types))
  })

  tags = { Role = "resize" }
}

locals {
  resize_role_arn = "${local.arn}:iam::${var.account.id}:role/tinyllama-resize-document"
}

resource "aws_iam_role" "resize" {
  name        = "tinyllama-resize-document"
  description = "The document TL-ResizeInstance; nobody else may change the node's type"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ssm.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account.id }
        ArnLike      = { "aws:SourceArn" = "${local.arn}:ssm:*:${var.account.id}:automation-execution/*" }
      }
    }]
  })

  tags = { Role = "resize" }
}

resource "aws_iam_role_policy" "resize" {
  name = "duties"
  role = aws_iam_role.resize.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindTheNode" # Describe calls know no resources
        Effect   = "Allow"
        Action   = ["ec2:DescribeInstances"]
        Resource = ["*"]
      },
      {
        Sid       = "ResizeTheNode"
        Effect    = "Allow"
        Action    = ["ec2:ModifyInstanceAttribute", "ec2:StartInstances", "ec2:StopInstances"]
        Resource  = ["${local.arn}:ec2:${local.place}:instance/*"]
        Condition = { StringEquals = local.own_tags }
      },
      {
        Sid      = "GrantTheLease"
        Effect   = "Allow"
        Action   = ["scheduler:CreateSchedule", "scheduler:UpdateSchedule"]
        Resource = [local.lease_arn]
      },
      {
        Sid       = "PassTheLeaseRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [local.lease_role_arn]
        Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
      },
    ]
  })
}

# AWS Config watches that the node keeps the tags by which it is found and billed (EC2-001). Recorded once a day: at most
# USD 0.012 a day on which the node or its disk changed, USD 0.36 a month each, and nothing while it sleeps.

locals {
  record = var.tag_audit == "record" ? 1 : 0
  rule   = var.tag_audit == "off" ? 0 : 1
}

resource "aws_config_configuration_recorder" "tags" {
  count = local.record

  name     = "default"
  role_arn = aws_iam_role.config[0].arn

  recording_group {
    all_supported                 = false
    include_global_resource_types = false
    resource_types                = ["AWS::EC2::Instance", "AWS::EC2::Volume"]
  }

  recording_mode {
    recording_frequency = "DAILY"
  }
}

resource "aws_config_delivery_channel" "tags" {
  count = local.record

  name           = "default"
  s3_bucket_name = module.audit.name

  depends_on = [aws_config_configuration_recorder.tags]
}

resource "aws_config_configuration_recorder_status" "tags" {
  count = local.record

  name       = aws_config_configuration_recorder.tags[0].name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.tags]
}

resource "aws_config_config_rule" "required_tags" {
  count = local.rule

  name             = "required-tags"
  description      = "Our instances and disks carry Project and Role"
  input_parameters = jsonencode({ tag1Key = "Project", tag1Value = "tinyllama", tag2Key = "Role" })

  source {
    owner             = "AWS"
    source_identifier = "REQUIRED_TAGS"
  }

  scope {
    compliance_resource_types = ["AWS::EC2::Instance", "AWS::EC2::Volume"]
  }

  tags = { Role = "ops" }

  depends_on = [aws_config_configuration_recorder_status.tags]
}

resource "aws_iam_role" "config" {
  count = local.record

  name        = "tinyllama-config"
  description = "AWS Config looks at instances and disks"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "config.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })

  tags = { Role = "ops" }
}

resource "aws_iam_role_policy" "config" {
  count = local.record

  name = "look"
  role = aws_iam_role.config[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Look" # Describe calls know no resources
        Effect   = "Allow"
        Action   = ["ec2:DescribeInstances", "ec2:DescribeTags", "ec2:DescribeVolumes"]
        Resource = ["*"]
      },
      {
        Sid      = "Deliver"
        Effect   = "Allow"
        Action   = ["s3:GetBucketAcl", "s3:ListBucket", "s3:PutObject"]
        Resource = [local.bucket_arn, "${local.bucket_arn}/AWSLogs/${var.account.id}/*"]
      },
    ]
  })
}

# The builder (EC2-004): a t3.medium that boots on demand and is stopped by AWS. Off by default. Monthly cost: disk 20 GiB
# gp3 USD 1.90, whether it runs or not; USD 0.048 an hour while it does.

locals {
  builder = var.enable_builder ? 1 : 0
  type    = "t3.medium"
  tags    = { Name = "tinyllama-builder", Project = "tinyllama", Role = "builder" }
}

data "aws_ami" "ubuntu" {
  count = local.builder

  most_recent = true
  owners      = ["099720109477"] # Canonical: the same family as the node (decision 14)

  filter {
    name   = "name"
    values = ["ubuntu/images/*22.04-amd64-server-*"]
  }
}

resource "aws_instance" "builder" {
  #checkov:skip=CKV_AWS_88:without a NAT gateway (decision 4) a public address is the way out; in comes SSH from the VPN only
  #checkov:skip=CKV_AWS_126:detailed monitoring costs USD 2.10 a month
  count = local.builder

  ami                                  = coalesce(var.builder_ami_id, data.aws_ami.ubuntu[0].id)
  instance_type                        = local.type
  subnet_id                            = var.subnet_id
  vpc_security_group_ids               = [aws_security_group.builder[0].id]
  associate_public_ip_address          = true # without a NAT gateway there is no other way to packages; billed only while it runs
  iam_instance_profile                 = aws_iam_instance_profile.builder[0].name
  instance_initiated_shutdown_behavior = "stop"
  ebs_optimized                        = true

  user_data = var.builder_user_data

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 20
    encrypted   = true
    tags        = local.tags
  }

  tags = { Name = local.tags.Name, Role = local.tags.Role }

  lifecycle {
    ignore_changes = [ami, associate_public_ip_address] # a stopped instance has no address
  }
}

resource "aws_security_group" "builder" {
  count = local.builder

  name        = "tinyllama-builder"
  description = "The builder: SSH from the VPN, as a backup of Session Manager"
  vpc_id      = var.vpc_id
  tags        = { Name = "tinyllama-builder", Role = "builder" }
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  count = var.enable_builder && var.vpn_cidr != null ? 1 : 0

  security_group_id = aws_security_group.builder[0].id
  description       = "SSH from the VPN"
  cidr_ipv4         = var.vpn_cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  tags              = { Role = "builder" }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  count = local.builder

  security_group_id = aws_security_group.builder[0].id
  description       = "Packages, images and AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = { Role = "builder" }
}

resource "aws_cloudwatch_log_group" "builder" {
  count = local.builder

  name              = "/ec2/builder"
  retention_in_days = 30
  tags              = { Role = "builder" }
}

resource "aws_iam_role" "builder" {
  count = local.builder

  name        = "tinyllama-builder"
  description = "Builds releases"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  tags = { Role = "builder" }
}

resource "aws_iam_role_policy" "builder" {
  #checkov:skip=CKV_AWS_290:only the calls of Session Manager's agent, which know no resources
  #checkov:skip=CKV_AWS_355:the same
  count = local.builder

  name = "build"
  role = aws_iam_role.builder[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "ReadSources", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["${module.bucket["source"].arn}/*"] },
      {
        Sid      = "WriteArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = ["${module.bucket["artifacts"].arn}/*"]
      },
      { Sid = "Release", Effect = "Allow", Action = ["lambda:UpdateFunctionCode"], Resource = [local.router_arn] },
      {
        Sid      = "ShipLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${local.arn}:logs:${local.place}:log-group:/ec2/builder:*"]
      },
      {
        Sid    = "SessionManager" # the agent's own calls, which know no resources
        Effect = "Allow"
        Action = [
          "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage", "ec2messages:GetEndpoint",
          "ec2messages:GetMessages", "ec2messages:SendReply", "ssm:UpdateInstanceInformation",
          "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
          "ssmmessages:OpenDataChannel",
        ]
        Resource = ["*"]
      },
      {
        Sid      = "FetchTheDocument"
        Effect   = "Allow"
        Action   = ["ssm:GetDocument"]
        Resource = [aws_ssm_document.build.arn]
      },
    ]
  })
}

resource "aws_iam_instance_profile" "builder" {
  count = local.builder

  name = "tinyllama-builder"
  role = aws_iam_role.builder[0].name
  tags = { Role = "builder" }

  depends_on = [aws_iam_role_policy.builder]
}

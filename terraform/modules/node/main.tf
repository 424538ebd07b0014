# Monthly cost, node present (eu-central-1): disk 30 GiB gp3 USD 2.86, the only line of an idle account that counts; while it
# runs, USD 0.658 an hour (g4dn.xlarge; t3.small 0.024) and USD 0.005 for the public address. With `enable_eip` USD 3.65
# more, attached or not.

locals {
  count = var.enable_node ? 1 : 0
  tags  = { Name = "tinyllama-gpu", Project = "tinyllama", Role = "gpu-node" }

  # cloud-init runs a script at the first boot only. That of a new node is cut short, since it is stopped at once
  # (docs/adr/0043): so at every boot, the first that somebody asked for included. The script knows what is done already.
  user_data = templatefile("${path.module}/documents/user_data.mime", { script = coalesce(var.boot_script, "#!") })
}

data "aws_ami" "ubuntu" {
  most_recent = true
  owners      = ["099720109477"] # Canonical

  filter {
    name   = "name"
    values = ["ubuntu/images/*${var.ubuntu}-amd64-server-*"]
  }
}

resource "aws_launch_template" "node" {
  #checkov:skip=CKV_AWS_88:without a NAT gateway (decision 4) a public address is the node's way out; its group lets nobody in
  count = local.count

  name                                 = "tinyllama-gpu-node"
  description                          = "The GPU node"
  image_id                             = coalesce(var.ami_id, data.aws_ami.ubuntu.id)
  instance_type                        = var.node_type
  instance_initiated_shutdown_behavior = "stop"
  update_default_version               = true
  ebs_optimized                        = "true"
  user_data                            = var.boot_script == null ? null : base64encode(local.user_data)

  iam_instance_profile {
    arn = aws_iam_instance_profile.node[0].arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  monitoring {
    enabled = false # detailed monitoring costs USD 2.10 a month
  }

  network_interfaces {
    subnet_id                   = var.subnet_id
    security_groups             = [var.security_group_id]
    associate_public_ip_address = true # billed only while it runs (decision 9)
    delete_on_termination       = true
  }

  block_device_mappings {
    device_name = "/dev/sda1"

    ebs {
      volume_type           = "gp3"
      volume_size           = 30
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }

  tags = { Role = "gpu-node" }
}

resource "aws_instance" "node" {
  #checkov:skip=CKV_AWS_79:the launch template requires IMDSv2
  #checkov:skip=CKV_AWS_135:the launch template sets it
  #checkov:skip=CKV_AWS_8:the launch template encrypts the disk
  #checkov:skip=CKV2_AWS_41:the launch template has the profile
  #checkov:skip=CKV_AWS_126:detailed monitoring costs USD 2.10 a month
  count = local.count

  tags        = { Name = local.tags.Name, Role = local.tags.Role }
  volume_tags = local.tags

  launch_template {
    id      = aws_launch_template.node[0].id
    version = "$Default"
  }

  lifecycle {
    # Runbooks change the type, and a newer image must not replace a node with a model on its disk.
    ignore_changes = [ami, instance_type, launch_template]
  }
}

# A new instance runs, and nobody has asked for it yet. From now on its state is the router's business.
resource "aws_ec2_instance_state" "node" {
  count = local.count

  instance_id = aws_instance.node[0].id
  state       = "stopped"

  lifecycle {
    ignore_changes = [state]
  }
}

resource "aws_eip" "node" {
  count = var.enable_eip ? 1 : 0

  domain   = "vpc"
  instance = aws_instance.node[0].id
  tags     = local.tags
}

resource "aws_cloudwatch_metric_alarm" "eip_idle" {
  count = var.enable_eip ? 1 : 0

  alarm_name          = "EIPIdle"
  alarm_description   = "The fixed address has been without a running node for an hour, and costs all the same."
  namespace           = "TLFIF/EC2"
  metric_name         = "EIPIdle"
  statistic           = "Minimum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 3600
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]

  tags = { Role = "gpu-node" }
}

# What worker and watchdog say, shipped by the CloudWatch agent.
resource "aws_cloudwatch_log_group" "node" {
  for_each = toset(["/ec2/gpu-node", "/ec2/idle_watch"])

  name              = each.key
  retention_in_days = 30
  tags              = { Role = "gpu-node" }
}

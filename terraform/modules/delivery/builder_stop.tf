# AWS stops the builder, whatever becomes of the build: half an hour after it started, and when the build is done. An
# Automation that sleeps needs no function. Monthly cost: USD 0.004 a build.

resource "aws_ssm_document" "stop_builder" {
  count = local.builder

  name            = "TL-StopBuilder"
  document_type   = "Automation"
  document_format = "YAML"
  content         = templatefile("${path.module}/documents/TL-StopBuilder.yaml", { role_arn = aws_iam_role.stop_builder[0].arn })

  tags = { Role = "builder" }
}

locals {
  stop_events = {
    force-stop-build-runner = {
      why  = "The builder has started: half an hour is enough"
      wait = "PT30M"
      pattern = {
        source      = ["aws.ec2"]
        detail-type = ["EC2 Instance State-change Notification"]
        detail      = { state = ["running"], instance-id = aws_instance.builder[*].id }
      }
    }
    stop-build-runner-when-done = {
      why  = "The build has ended, well or badly"
      wait = "PT1S"
      pattern = {
        source      = ["aws.ssm"]
        detail-type = ["EC2 Command Status-change Notification"]
        detail = {
          document-name = [aws_ssm_document.build.name]
          status        = ["Success", "Failed", "TimedOut", "Cancelled"]
        }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "stop_builder" {
  for_each = { for name, event in local.stop_events : name => event if var.enable_builder }

  name          = each.key
  description   = each.value.why
  event_pattern = jsonencode(each.value.pattern)
  tags          = { Role = "builder" }
}

resource "aws_cloudwatch_event_target" "stop_builder" {
  for_each = aws_cloudwatch_event_rule.stop_builder

  rule     = each.value.name
  arn      = "${local.arn}:ssm:${local.place}:automation-definition/${aws_ssm_document.stop_builder[0].name}:$DEFAULT"
  role_arn = aws_iam_role.stop_builder[0].arn
  input    = jsonencode({ InstanceId = aws_instance.builder[*].id, Wait = [local.stop_events[each.key].wait] })
}

# For both: EventBridge, which starts the document, and the document, which stops the builder.
resource "aws_iam_role" "stop_builder" {
  count = local.builder

  name        = "tinyllama-stop-builder"
  description = "Stops the builder"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "ssm.amazonaws.com"] }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })

  tags = { Role = "builder" }
}

resource "aws_iam_role_policy" "stop_builder" {
  count = local.builder

  name = "stop"
  role = aws_iam_role.stop_builder[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "StartTheDocument"
        Effect   = "Allow"
        Action   = ["ssm:StartAutomationExecution"]
        Resource = ["${local.arn}:ssm:${local.place}:automation-definition/TL-StopBuilder:*"]
      },
      {
        Sid       = "PassItself"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.stop_builder[0].arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ssm.amazonaws.com" } }
      },
      {
        Sid       = "StopTheBuilder"
        Effect    = "Allow"
        Action    = ["ec2:StopInstances"]
        Resource  = ["${local.arn}:ec2:${local.place}:instance/*"]
        Condition = { StringEquals = local.builder_tags }
      },
    ]
  })
}

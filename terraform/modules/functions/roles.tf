locals {
  # What every function needs, whatever it does.
  runtime_statements = {
    for name, function in local.functions : name => concat(
      [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${local.arn}:logs:${local.place}:log-group:${name == "router" ? var.access_log_group : "/aws/lambda/${local.names[name]}"}:*"]
        },
        {
          Sid      = "Trace" # X-Ray knows no resources
          Effect   = "Allow"
          Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
          Resource = ["*"]
        },
      ],
      function.undelivered != "dead-letter" ? [] : [{
        Sid      = "DeadLetter"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["${local.arn}:sqs:${local.place}:tinyllama-undelivered"]
      }],
      !function.inside_vpc ? [] : [{
        Sid    = "JoinTheVpc" # Lambda does this before our code runs; interfaces have no ARN beforehand
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
        ]
        Resource = ["*"]
      }],
    )
  }
}

resource "aws_iam_role" "this" {
  for_each = local.functions

  name        = local.names[each.key]
  description = each.value.description

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  tags = { Role = "functions" }
}

resource "aws_iam_role_policy" "runtime" {
  for_each = local.functions

  name   = "runtime"
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.runtime_statements[each.key] })
}

resource "aws_iam_role_policy" "duties" {
  for_each = { for name, function in local.functions : name => function if function.duties != null }

  name   = "duties"
  role   = aws_iam_role.this[each.key].id
  policy = each.value.duties
}

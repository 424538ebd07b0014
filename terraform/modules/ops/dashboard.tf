# The dashboard (OPS-002), and who may only look. Monthly cost: nothing, three dashboards are free; ten custom metrics are.

resource "aws_cloudwatch_dashboard" "ops" {
  dashboard_name = "TinyLlama-Overview"
  dashboard_body = var.dashboard_body
}

# GetMetricData knows neither resources nor namespaces: the condition key cloudwatch:namespace exists for PutMetricData
# only. So whoever may look may see every metric of the account, but nothing else.
resource "aws_iam_policy" "viewer" {
  name        = "CloudWatchReadOnlyTinyLlama"
  description = "Look at the dashboard TinyLlama-Overview"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "OpenTheDashboard"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetDashboard"]
        Resource = ["${local.arn}:cloudwatch::${var.account.id}:dashboard/TinyLlama-Overview"]
      },
      {
        Sid      = "ReadItsMetrics"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetMetricData"]
        Resource = ["*"]
      },
    ]
  })

  tags = { Role = "ops" }
}

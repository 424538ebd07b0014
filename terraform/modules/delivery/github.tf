# GitHub Actions of one repository, by OpenID Connect: no key of ours is stored there.

locals {
  github       = var.github_repository == null ? 0 : 1
  provider_arn = coalesce(var.github_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn), "none")
}

# An account has one provider for GitHub; where it exists, `github_provider_arn` names it.
resource "aws_iam_openid_connect_provider" "github" {
  count = local.github == 1 && var.github_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
  tags           = { Role = "delivery" }
}

resource "aws_iam_role" "github" {
  count = local.github

  name                 = "github-actions-ssm"
  description          = "Builds releases of ${var.github_repository} on the builder"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = "repo:${var.github_repository}:ref:refs/tags/v*" }
      }
    }]
  })

  tags = { Role = "delivery" }
}

resource "aws_iam_role_policy" "github" {
  count = local.github

  name = "build"
  role = aws_iam_role.github[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "SendTheDocument", Effect = "Allow", Action = ["ssm:SendCommand"], Resource = [aws_ssm_document.build.arn] },
      {
        Sid       = "ToTheBuilder"
        Effect    = "Allow"
        Action    = ["ssm:SendCommand"]
        Resource  = ["${local.arn}:ec2:${local.place}:instance/*"]
        Condition = { StringEquals = { "ssm:resourceTag/Role" = "builder" } }
      },
      # Knows no resources; what it returns is the output of commands, which hold no secrets.
      { Sid = "FollowTheBuild", Effect = "Allow", Action = ["ssm:GetCommandInvocation"], Resource = ["*"] },
      {
        Sid       = "WakeTheBuilder"
        Effect    = "Allow"
        Action    = ["ec2:StartInstances"]
        Resource  = ["${local.arn}:ec2:${local.place}:instance/*"]
        Condition = { StringEquals = local.builder_tags }
      },
      { Sid = "FindTheBuilder", Effect = "Allow", Action = ["ec2:DescribeInstances"], Resource = ["*"] },
      { Sid = "UploadSources", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["${module.bucket["source"].arn}/*.zip"] },
      { Sid = "FetchTheTemplate", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["${module.bucket["artifacts"].arn}/*"] },
      { Sid = "SeeTheVersion", Effect = "Allow", Action = ["lambda:GetAlias"], Resource = [local.router_arn, "${local.router_arn}:prod"] },
    ]
  })
}

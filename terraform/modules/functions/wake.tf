# Whether requests may wake the node (docs/adr/0052): the killer switches it off, playbooks/budget_recovery.yml on again.
# Monthly cost: nothing; standard parameters are free, and the router reads this one before a cold start only.

locals {
  wake_parameter     = "/tinyllama/wake"
  wake_parameter_arn = "${local.arn}:ssm:${local.place}:parameter${local.wake_parameter}"
}

resource "aws_ssm_parameter" "wake" {
  #checkov:skip=CKV_AWS_337:a switch is no secret, and a key of KMS is USD 1 a month
  #checkov:skip=CKV2_AWS_34:a switch is no secret

  name        = local.wake_parameter
  description = "Whether requests may wake the node"
  type        = "String"
  value       = jsonencode({ enabled = true })
  tags        = { Role = "functions" }

  lifecycle {
    ignore_changes = [value] # its state is the killer's and the runbooks' business
  }
}

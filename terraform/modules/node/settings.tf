# What the node's processes read when they start (docs/adr/0046): one parameter for each variable of their environment.
# Monthly cost: nothing; standard parameters are free, and so is reading them.

locals {
  settings_path = "/tinyllama/worker"

  settings = merge(
    {
      AWS_REGION     = var.account.region
      TL_QUEUE       = var.enable_redis ? "redis" : "sqs"
      QUEUE_URL      = var.queue.url
      QUEUE_TABLE    = var.queue.table_name
      REPLY_BUCKET   = var.reply_bucket.name
      LEASE_ROLE_ARN = local.lease_role_arn
      LEASE_GROUP    = aws_scheduler_schedule_group.leases.name
    },
    var.enable_redis ? { REDIS_HOST = var.queue.redis_host } : {},
  )
}

resource "aws_ssm_parameter" "settings" {
  #checkov:skip=CKV2_AWS_34:addresses and names, no secret; a key of our own would be USD 1 a month
  for_each = var.enable_node ? local.settings : {}

  name        = "${local.settings_path}/${each.key}"
  description = "Environment of the node's processes, read when they start"
  type        = "String"
  tier        = "Standard"
  value       = each.value
  tags        = { Role = "gpu-node" }
}

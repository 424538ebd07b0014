# `terraform output -json` is what the inventory, the GUI and the hosts' roles read.

output "region" {
  description = "Region of everything."
  value       = var.region
}

output "account_id" {
  description = "The account."
  value       = local.account.id
}

output "api_url" {
  description = "Where the API answers."
  value       = module.edge.api_url
}

output "api_id" {
  description = "The HTTP API."
  value       = module.edge.api_id
}

output "user_pool_id" {
  description = "The user pool, for `aws cognito-idp admin-create-user`."
  value       = module.auth.user_pool_id
}

output "node_instance_id" {
  description = "The GPU node; null without one."
  value       = module.node.instance_id
}

output "gui_environment" {
  description = "What the GUI's environment must say."
  value = {
    TL_API_URL        = module.edge.api_url
    COGNITO_DOMAIN    = module.auth.login_url
    COGNITO_CLIENT_ID = module.auth.client_id
  }
}

output "worker_environment" {
  description = "What the environment of the node's processes must say; the hosts' roles write it."
  value = merge(
    {
      AWS_REGION     = var.region
      TL_QUEUE       = var.enable_redis ? "redis" : "sqs"
      REPLY_BUCKET   = module.storage.replies.name
      LEASE_ROLE_ARN = module.node.lease.role_arn
      LEASE_GROUP    = module.node.lease.group
    },
    var.enable_redis ? { REDIS_HOST = module.queue.redis_host } : {},
    var.enable_redis ? {} : { QUEUE_URL = module.queue.jobs.url, QUEUE_TABLE = module.queue.table.name },
  )
}

output "tokens" {
  description = "Issuer of the tokens, and where its keys are."
  value       = { issuer = module.auth.issuer, jwks_url = module.auth.jwks_url }
}

output "reply_bucket" {
  description = "Bucket of replies."
  value       = module.storage.replies.name
}

output "resize_document" {
  description = "The Automation document that starts, stops and resizes the node, and its role."
  value       = module.node.resize
}

output "functions" {
  description = "Name of every function."
  value       = module.functions.functions
}

output "topics" {
  description = "ARNs of the topics."
  value       = module.ops.topics
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = module.ops.dashboard
}

output "build_buckets" {
  description = "Buckets of sources and artefacts."
  value       = module.delivery.buckets
}

output "github_role_arn" {
  description = "Role of GitHub Actions; null without a repository."
  value       = module.delivery.github_role_arn
}

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

output "node_types" {
  description = "Instance types that the node is made as and meant to run as: doctor.yml warns of any other."
  value       = distinct([var.node_type, var.gpu_type])
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
  description = "What the environment of the node's processes says; they read it from `worker_ssm_path`."
  value       = module.node.settings.environment
}

output "worker_ssm_path" {
  description = "Path of the parameters with the node's settings: the variable of the same name of the role `worker`."
  value       = module.node.settings.path
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

output "builder_instance_id" {
  description = "The builder; null without one."
  value       = module.delivery.builder_instance_id
}

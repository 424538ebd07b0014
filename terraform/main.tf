# The whole account: what each module makes, and what it costs a month, stands at the head of its files.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account       = { partition = data.aws_partition.current.partition, region = var.region, id = data.aws_caller_identity.current.account_id }
  bucket_suffix = coalesce(var.bucket_suffix, local.account.id)
  # Those of tinyllama/domain/prices.py; a test holds both against each other.
  known_types = ["g4dn.xlarge", "g4dn.2xlarge", "g5.xlarge", "g6.xlarge", "t3.small", "t3.medium"]
}

module "network" {
  source = "./modules/network"

  region          = var.region
  vpc_cidr        = var.vpc_cidr
  vpn_cidr        = var.vpn_cidr
  gpu_type        = var.gpu_type
  private_subnets = var.enable_redis
}

module "storage" {
  source = "./modules/storage"

  partition     = local.account.partition
  bucket_suffix = local.bucket_suffix
  protect_data  = var.protect_data
}

module "auth" {
  source = "./modules/auth"

  region       = var.region
  login_prefix = coalesce(var.login_prefix, "tinyllama-${local.account.id}")
  protect_data = var.protect_data
}

module "queue" {
  source = "./modules/queue"

  enable_redis                = var.enable_redis
  vpc_id                      = module.network.vpc_id
  vpc_cidr                    = var.vpc_cidr
  private_subnet_ids          = module.network.private_subnet_ids
  functions_security_group_id = module.network.functions_security_group_id
  node_security_group_id      = module.network.node_security_group_id
  alert_topic_arn             = module.ops.topics.alerts
  protect_data                = var.protect_data
}

module "functions" {
  source = "./modules/functions"

  account            = local.account
  artefact_dir       = var.artefact_dir
  architecture       = var.architecture
  runtime            = var.runtime
  optional_functions = var.optional_functions
  access_log_group   = module.edge.access_log_group
  api_url            = module.edge.api_url
  users              = { issuer = module.auth.issuer, client_id = module.auth.client_id }
  reply_bucket       = module.storage.replies
  key_bucket         = module.storage.keys
  lease              = module.node.lease
  resize             = module.node.resize
  topics             = module.ops.topics
  budget_eur         = var.budget_eur
  protect_data       = var.protect_data

  enable_redis                = var.enable_redis
  queue                       = local.queue
  inside_cidrs                = module.network.inside_cidrs
  private_subnet_ids          = module.network.private_subnet_ids
  functions_security_group_id = module.network.functions_security_group_id
}

module "edge" {
  source = "./modules/edge"

  handlers        = module.functions.handlers
  alert_topic_arn = module.ops.topics.alerts
}

module "node" {
  source = "./modules/node"

  account           = local.account
  enable_node       = var.enable_node
  enable_eip        = var.enable_eip
  known_types       = local.known_types
  node_type         = var.node_type
  ubuntu            = var.ubuntu
  ami_id            = var.node_ami_id
  subnet_id         = module.network.public_subnet_id
  security_group_id = module.network.node_security_group_id
  reply_bucket      = module.storage.replies
  queue             = local.queue
  enable_redis      = var.enable_redis
  boot_script       = local.boot_scripts.gpu_node
  alert_topic_arn   = module.ops.topics.alerts
}

module "ops" {
  source = "./modules/ops"

  account            = local.account
  budget_eur         = var.budget_eur
  usd_per_eur        = var.usd_per_eur
  alert_email        = var.alert_email
  cost_email         = coalesce(var.cost_email, var.alert_email)
  alert_urls         = var.alert_urls
  tag_audit          = var.tag_audit
  bucket_suffix      = local.bucket_suffix
  protect_data       = var.protect_data
  resize_audit_query = file("${path.module}/../observability/queries/resize_audit.sql")

  dashboard_body = templatefile("${path.module}/../observability/dashboard.json", {
    region = var.region
    api_id = module.edge.api_id
  })
}

module "delivery" {
  source = "./modules/delivery"

  account             = local.account
  bucket_suffix       = local.bucket_suffix
  protect_data        = var.protect_data
  github_repository   = var.github_repository
  github_provider_arn = var.github_provider_arn
  enable_builder      = var.enable_builder
  builder_ami_id      = var.builder_ami_id
  builder_user_data   = local.boot_scripts.builder
  vpc_id              = module.network.vpc_id
  subnet_id           = module.network.public_subnet_id
  vpn_cidr            = var.vpn_cidr
  warn_topic_arn      = module.ops.topics.warn
}

# How a host sets itself up when it boots. What boot.sh makes of these variables stands at its head.
locals {
  boot_variables = {
    builder = {}
    gpu_node = {
      worker_ssm_path          = module.node.settings.path
      worker_aws_region        = var.region
      idle_watchdog_aws_region = var.region
    }
  }
  boot_scripts = {
    for role, variables in local.boot_variables : role => var.source_url == null ? null : join("\n", [
      "#!/usr/bin/env bash",
      "export TL_ROLE=${role} TL_SOURCE='${var.source_url}' TL_VARS=/run/tinyllama-variables.json",
      "printf '%s' '${jsonencode(variables)}' >\"$TL_VARS\"",
      file("${path.module}/../roles/base/files/boot.sh"),
    ])
  }
}

locals {
  queue = {
    url        = module.queue.jobs.url
    arn        = module.queue.jobs.arn
    dead_arn   = module.queue.dead.arn
    table_name = module.queue.table.name
    table_arn  = module.queue.table.arn
    redis_host = module.queue.redis_host
  }
}

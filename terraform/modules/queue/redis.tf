# Only with `enable_redis`. Monthly cost: USD 27.01 (EUR 23.62) for cache.t4g.small at USD 0.037 an hour, more than the
# whole budget: made for the hours somebody pays for it. RED-001 asks for a cluster that is encrypted at rest, which
# ElastiCache gives to replication groups only; ours has one node (docs/adr/0041).

locals {
  redis = var.enable_redis ? 1 : 0
}

resource "aws_elasticache_replication_group" "queue" {
  count = local.redis

  replication_group_id       = "tl-fif-queue"
  description                = "Job queue of tinyllama"
  engine                     = "redis"
  engine_version             = "6.2"
  node_type                  = "cache.t4g.small"
  num_cache_clusters         = 1
  automatic_failover_enabled = false
  parameter_group_name       = aws_elasticache_parameter_group.queue[0].name
  subnet_group_name          = aws_elasticache_subnet_group.queue[0].name
  security_group_ids         = [aws_security_group.redis[0].id]
  port                       = 6379
  at_rest_encryption_enabled = true
  transit_encryption_enabled = false # inside the VPC, and TLS costs milliseconds a connection (RED-001)
  snapshot_retention_limit   = 0     # jobs live for minutes
  apply_immediately          = true

  tags = { Role = "queue" }
}

resource "aws_elasticache_parameter_group" "queue" {
  count = local.redis

  name        = "tl-fif-redis-6-2"
  family      = "redis6.x"
  description = "Evicts rather than refuses; the cap on queued jobs keeps it from ever having to"

  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }

  tags = { Role = "queue" }
}

resource "aws_elasticache_subnet_group" "queue" {
  count = local.redis

  name        = "tl-fif-priv"
  description = "Private subnets of tinyllama"
  subnet_ids  = var.private_subnet_ids

  tags = { Role = "queue" }
}

resource "aws_security_group" "redis" {
  count = local.redis

  name        = "tinyllama-redis"
  description = "Redis: from functions and node only"
  vpc_id      = var.vpc_id
  tags        = { Name = "tinyllama-redis", Role = "queue" }
}

resource "aws_vpc_security_group_ingress_rule" "redis" {
  for_each = var.enable_redis ? { functions = var.functions_security_group_id, node = var.node_security_group_id } : {}

  security_group_id            = aws_security_group.redis[0].id
  description                  = "Redis from the ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  tags                         = { Role = "queue" }
}

resource "aws_vpc_security_group_egress_rule" "functions_redis" {
  count = local.redis

  security_group_id            = var.functions_security_group_id
  description                  = "Redis"
  referenced_security_group_id = aws_security_group.redis[0].id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  tags                         = { Role = "queue" }
}

# Redis itself starts no connection. The list names the VPC, so that telemetry of ElastiCache inside it may pass.
resource "aws_ec2_managed_prefix_list" "aws_services" {
  count = local.redis

  name           = "tinyllama-aws-services"
  address_family = "IPv4"
  max_entries    = 1

  entry {
    cidr        = var.vpc_cidr
    description = "Inside the VPC"
  }

  tags = { Role = "queue" }
}

resource "aws_vpc_security_group_egress_rule" "redis" {
  count = local.redis

  security_group_id = aws_security_group.redis[0].id
  description       = "Inside the VPC only"
  prefix_list_id    = aws_ec2_managed_prefix_list.aws_services[0].id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = { Role = "queue" }
}

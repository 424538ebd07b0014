# SQS and DynamoDB always, Redis when somebody pays for it.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  vpc_id                 = "vpc-0123456789abcdef0"
  vpc_cidr               = "10.20.0.0/22"
  node_security_group_id = "sg-00000000000000001"
  alert_topic_arn        = "arn:aws:sns:eu-central-1:123456789012:tinyllama-alerts"
}

run "the_queue_is_there_without_redis" {
  assert {
    condition     = aws_sqs_queue.jobs.name == "tinyllama-jobs" && aws_sqs_queue.dead.name == "tinyllama-jobs-dead"
    error_message = "The worker finds the redrive queue by the queue's name and -dead."
  }

  assert {
    condition     = aws_dynamodb_table.jobs.hash_key == "pk" && one(aws_dynamodb_table.jobs.ttl).attribute_name == "ttl_at"
    error_message = "The adapter's key is `pk`, and items end at `ttl_at`."
  }

  assert {
    condition     = aws_dynamodb_table.jobs.billing_mode == "PAY_PER_REQUEST"
    error_message = "An idle queue costs nothing."
  }
}

run "without_redis_nothing_of_it_exists" {
  assert {
    condition = length(concat(
      aws_elasticache_replication_group.queue, aws_elasticache_parameter_group.queue, aws_elasticache_subnet_group.queue,
      aws_security_group.redis, aws_ec2_managed_prefix_list.aws_services, aws_cloudwatch_metric_alarm.redis_memory,
      values(aws_vpc_security_group_ingress_rule.redis), aws_vpc_security_group_egress_rule.redis,
    )) == 0
    error_message = "enable_redis = false must leave nothing that is paid for."
  }
}

run "redis_is_as_red_001_asks" {
  variables {
    enable_redis                = true
    private_subnet_ids          = ["subnet-1", "subnet-2"]
    functions_security_group_id = "sg-00000000000000002"
  }

  assert {
    condition = alltrue([
      aws_elasticache_replication_group.queue[0].replication_group_id == "tl-fif-queue",
      aws_elasticache_replication_group.queue[0].engine_version == "6.2",
      aws_elasticache_replication_group.queue[0].node_type == "cache.t4g.small",
      aws_elasticache_replication_group.queue[0].num_cache_clusters == 1,
      tobool(aws_elasticache_replication_group.queue[0].at_rest_encryption_enabled),
    ])
    error_message = "One node, Redis 6.2, cache.t4g.small, encrypted at rest."
  }

  assert {
    condition     = one(aws_elasticache_parameter_group.queue[0].parameter).value == "allkeys-lru" && aws_elasticache_subnet_group.queue[0].name == "tl-fif-priv"
    error_message = "maxmemory-policy is allkeys-lru, the subnet group tl-fif-priv."
  }
}

run "redis_is_reached_from_two_security_groups_and_no_address" {
  variables {
    enable_redis                = true
    private_subnet_ids          = ["subnet-1", "subnet-2"]
    functions_security_group_id = "sg-00000000000000002"
  }

  assert {
    condition = toset([for rule in aws_vpc_security_group_ingress_rule.redis : rule.referenced_security_group_id]) == toset([
      "sg-00000000000000001", "sg-00000000000000002",
    ])
    error_message = "Only the functions' group and the node's may reach Redis."
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.redis : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.from_port == 6379 && rule.to_port == 6379
    ])
    error_message = "No address may reach Redis, and no other port."
  }
}

run "redis_may_reach_the_managed_prefix_list_only" {
  variables {
    enable_redis                = true
    private_subnet_ids          = ["subnet-1", "subnet-2"]
    functions_security_group_id = "sg-00000000000000002"
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.redis) == 1 && aws_vpc_security_group_egress_rule.redis[0].prefix_list_id == aws_ec2_managed_prefix_list.aws_services[0].id
    error_message = "Redis's only way out is the managed prefix list."
  }

  assert {
    condition     = one(aws_ec2_managed_prefix_list.aws_services[0].entry).cidr == "10.20.0.0/22"
    error_message = "The list stays inside the VPC."
  }
}

run "redis_raises_an_alarm_at_70_percent" {
  variables {
    enable_redis                = true
    private_subnet_ids          = ["subnet-1", "subnet-2"]
    functions_security_group_id = "sg-00000000000000002"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.redis_memory[0].threshold == 70 && aws_cloudwatch_metric_alarm.redis_memory[0].alarm_actions == toset([var.alert_topic_arn])
    error_message = "RedisMemory70 tells the alerts' topic at 70 %."
  }
}

run "rejects_redis_without_private_subnets" {
  command         = plan
  expect_failures = [var.enable_redis]

  variables {
    enable_redis = true
  }
}

run "rejects_a_lease_of_no_second" {
  command         = plan
  expect_failures = [var.visibility_s]

  variables {
    visibility_s = 0
  }
}

run "rejects_a_message_that_may_never_be_received" {
  command         = plan
  expect_failures = [var.max_receives]

  variables {
    max_receives = 0
  }
}

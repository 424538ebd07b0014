# The root with everything mocked: what is where, what is off by default, and what is refused.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  alert_email  = "ops@example.com"
  artefact_dir = "tests/artefacts"
}

run "the_routes_are_those_of_the_api_description" {
  assert {
    condition = toset(keys(module.edge.routes)) == toset(flatten([
      for path, item in yamldecode(file("../docs/api/openapi.yaml")).paths : [
        for method, operation in item : path == "/$default" ? "$default" : "${upper(method)} ${path}"
        if contains(["get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"], method)
      ]
    ]))
    error_message = "terraform/modules/edge and docs/api/openapi.yaml name different routes."
  }
}

run "by_default_the_queue_is_sqs_and_nothing_is_inside_the_vpc" {
  assert {
    condition     = output.worker_environment.TL_QUEUE == "sqs" && !can(output.worker_environment.REDIS_HOST)
    error_message = "The default has to be the queue that costs nothing while idle."
  }

  assert {
    condition     = length(module.network.private_subnet_ids) == 0
    error_message = "Without Redis there are no private subnets."
  }
}

run "with_redis_the_worker_is_told_its_host" {
  variables {
    enable_redis = true
  }

  assert {
    condition     = output.worker_environment.TL_QUEUE == "redis" && can(output.worker_environment.REDIS_HOST)
    error_message = "TL_QUEUE and REDIS_HOST belong together."
  }

  assert {
    condition     = length(module.network.private_subnet_ids) == 2
    error_message = "Redis and its functions need private subnets."
  }
}

run "the_node_is_told_where_its_settings_are_and_may_read_them_only" {
  assert {
    condition     = output.worker_ssm_path == "/tinyllama/worker" && strcontains(file("../roles/worker/meta/argument_specs.yml"), output.worker_ssm_path)
    error_message = "roles/worker reads the parameters below worker_ssm_path."
  }
}

run "a_new_host_sets_itself_up_when_it_knows_where_the_project_is" {
  variables {
    source_url = "https://example.com/tinyllama.tar.gz"
  }

  assert {
    condition = alltrue([
      for role, script in local.boot_scripts : startswith(script, "#!/usr/bin/env bash\n") && strcontains(script, "export TL_ROLE=${role} TL_SOURCE='https://example.com/tinyllama.tar.gz' ")
    ])
    error_message = "roles/base/files/boot.sh is told its role and its source."
  }

  assert {
    condition     = strcontains(local.boot_scripts.gpu_node, "\"worker_ssm_path\":\"/tinyllama/worker\"")
    error_message = "The worker's unit reads the parameters that Terraform writes."
  }
}

run "audit_lines_from_before_the_first_apply_are_taken_over" {
  command = plan

  override_data {
    target = data.aws_cloudwatch_log_groups.audit
    values = { log_group_names = ["/tinyllama/audit", "/tinyllama/audit-of-somebody-else"] }
  }

  assert {
    condition     = module.ops.audit_log_group == "/tinyllama/audit"
    error_message = "Runbooks may have made the group."
  }
}

run "without_a_node_everything_else_is_there" {
  variables {
    enable_node = false
  }

  assert {
    condition     = output.node_instance_id == null && output.api_url != ""
    error_message = "enable_node = false must leave the API alone."
  }
}

run "names_carry_the_account_unless_told_otherwise" {
  assert {
    condition     = module.storage.replies.arn == "arn:aws:s3:::tlfif-responses-123456789012"
    error_message = "Bucket names are global, so they end in the account id."
  }
}

run "rejects_a_region_without_gpus_or_dual_stack" {
  command = plan

  variables {
    region = "eu-central-2"
  }

  expect_failures = [var.region]
}

run "rejects_a_gpu_type_without_a_known_price" {
  command = plan

  variables {
    gpu_type = "p5.48xlarge"
  }

  expect_failures = [var.gpu_type]
}

run "rejects_sources_without_tls" {
  command = plan

  variables {
    source_url = "http://example.com/tinyllama.tar.gz"
  }

  expect_failures = [var.source_url]
}

run "warns_when_the_account_may_not_have_the_gpu" {
  override_data {
    target = data.aws_servicequotas_service_quota.gpu_vcpus
    values = { value = 0 }
  }

  expect_failures = [check.the_account_may_have_the_gpu]
}

run "warns_when_too_few_functions_may_run_at_once" {
  override_data {
    target = data.aws_servicequotas_service_quota.lambda
    values = { value = 5 }
  }

  expect_failures = [check.enough_functions_may_run_at_once]
}

# Which functions there are, what they may do, and where what they fail on goes.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account          = { partition = "aws", region = "eu-central-1", id = "123456789012" }
  artefact_dir     = "tests/artefacts"
  access_log_group = "/apigw/tinyllama-access"
  api_url          = "https://abc.execute-api.eu-central-1.amazonaws.com"
  users            = { issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI", client_id = "client" }
  reply_bucket     = { name = "replies", arn = "arn:aws:s3:::replies" }
  key_bucket       = { name = "keys", arn = "arn:aws:s3:::keys" }
  lease            = { group = "tinyllama-leases", role_arn = "arn:aws:iam::123456789012:role/tinyllama-lease" }
  resize           = { document = "TL-ResizeInstance", role_arn = "arn:aws:iam::123456789012:role/tinyllama-resize-document", types = ["g4dn.xlarge", "t3.small"] }
  budget_eur       = 20
  inside_cidrs     = ["10.20.0.0/22", "2001:db8:1234:5600::/56"]

  topics = {
    alerts = "arn:aws:sns:eu-central-1:123456789012:tinyllama-alerts"
    kill   = "arn:aws:sns:eu-central-1:123456789012:tlfif-budget-kill"
    cost   = "arn:aws:sns:eu-central-1:123456789012:tlfif-cost-daily"
  }

  queue = {
    url        = "https://sqs.eu-central-1.amazonaws.com/123456789012/tinyllama-jobs"
    arn        = "arn:aws:sqs:eu-central-1:123456789012:tinyllama-jobs"
    table_name = "tinyllama-jobs"
    table_arn  = "arn:aws:dynamodb:eu-central-1:123456789012:table/tinyllama-jobs"
  }
}

run "only_functions_that_have_code_exist" {
  assert {
    condition     = toset(keys(aws_lambda_function.this)) == toset(["router", "queue_health", "jwks_mirror", "resize"])
    error_message = "A function without code must not be created unless it is asked for."
  }
}

run "the_router_is_switched_on_traced_and_published_under_prod" {
  assert {
    condition = alltrue([
      aws_lambda_function.this["router"].function_name == "tinyllama-router",
      aws_lambda_function.this["router"].publish,
      aws_lambda_function.this["router"].environment[0].variables.TL_DISABLE_LAM_ROUTER == "0",
      aws_lambda_function.this["router"].tracing_config[0].mode == "Active",
      aws_lambda_alias.prod.name == "prod",
    ])
    error_message = "LAM-001: switched on, traced, and called through the alias prod."
  }

  assert {
    condition     = aws_lambda_function.this["router"].logging_config[0].log_group == "/apigw/tinyllama-access"
    error_message = "The router's records go to the access log (decision 3)."
  }
}

run "without_redis_no_function_is_in_a_vpc_and_the_queue_is_sqs" {
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : length(function.vpc_config) == 0])
    error_message = "With the SQS queue no function is in a VPC (decision 4)."
  }

  assert {
    condition = alltrue([
      for name in ["router", "queue_health"] : alltrue([
        aws_lambda_function.this[name].environment[0].variables.TL_QUEUE == "sqs",
        aws_lambda_function.this[name].environment[0].variables.QUEUE_URL == var.queue.url,
        aws_lambda_function.this[name].environment[0].variables.QUEUE_TABLE == var.queue.table_name,
      ])
    ])
    error_message = "Whoever uses the queue has to be told where it is."
  }
}

run "with_redis_its_users_are_inside_and_the_key_mirror_outside" {
  variables {
    enable_redis                = true
    private_subnet_ids          = ["subnet-1", "subnet-2"]
    functions_security_group_id = "sg-00000000000000002"
    queue = {
      url        = "https://sqs.eu-central-1.amazonaws.com/123456789012/tinyllama-jobs"
      arn        = "arn:aws:sqs:eu-central-1:123456789012:tinyllama-jobs"
      table_name = "tinyllama-jobs"
      table_arn  = "arn:aws:dynamodb:eu-central-1:123456789012:table/tinyllama-jobs"
      redis_host = "tl-fif-queue.abc.euc1.cache.amazonaws.com"
    }
  }

  assert {
    condition = alltrue([
      for name in ["router", "queue_health"] : alltrue([
        aws_lambda_function.this[name].vpc_config[0].ipv6_allowed_for_dual_stack,
        aws_lambda_function.this[name].environment[0].variables.AWS_USE_DUALSTACK_ENDPOINT == "true",
        aws_lambda_function.this[name].environment[0].variables.REDIS_HOST == var.queue.redis_host,
      ])
    ])
    error_message = "Functions that use Redis are inside the VPC and call AWS over IPv6."
  }

  assert {
    condition     = length(aws_lambda_function.this["jwks_mirror"].vpc_config) == 0
    error_message = "Cognito's key set cannot be reached from inside the VPC."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.duties["router"].policy, "dynamodb:")
    error_message = "On Redis the router needs no permission for DynamoDB."
  }
}

run "every_function_has_a_dead_letter_or_a_reason" {
  variables {
    optional_functions = ["budget_killer", "canary", "cost_summary", "node_events"]
  }

  assert {
    condition = alltrue([
      for name, function in local.functions : length(aws_lambda_function.this[name].dead_letter_config) == 1 || startswith(function.undelivered, "called synchronously")
    ])
    error_message = "What a function that nobody waits for fails on must end in tinyllama-undelivered."
  }

  assert {
    condition = alltrue([
      for trigger in concat(keys(aws_scheduler_schedule.this), keys(aws_lambda_permission.callers)) : length(aws_lambda_function.this[trigger].dead_letter_config) == 1
    ])
    error_message = "A function that a schedule or an event calls is called asynchronously."
  }
}

run "every_log_group_forgets_after_thirty_days" {
  variables {
    optional_functions = ["budget_killer", "canary", "cost_summary", "node_events"]
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.this) == 7 && alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30])
    error_message = "Each function but the router has a log group of its own, kept for 30 days."
  }
}

run "no_policy_allows_a_wildcard_action_and_only_calls_without_resources_name_all" {
  variables {
    optional_functions = ["budget_killer", "canary", "cost_summary", "node_events"]
  }

  assert {
    condition = alltrue(flatten([
      for policy in concat(values(aws_iam_role_policy.runtime), values(aws_iam_role_policy.duties), [aws_iam_role_policy.scheduler]) : [
        for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : !strcontains(action, "*")]
      ]
    ]))
    error_message = "Actions are named one by one."
  }

  assert {
    condition = alltrue(flatten([
      for policy in concat(values(aws_iam_role_policy.runtime), values(aws_iam_role_policy.duties), [aws_iam_role_policy.scheduler]) : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in statement.Action : can(regex("^(ec2:Describe|ssm:DescribeAutomationExecutions$|xray:Put|ce:Get)", action)) if contains(statement.Resource, "*")
        ]
      ]
    ]))
    error_message = "Resource * is for calls of AWS that know no resources."
  }
}

run "a_role_is_passed_by_name_and_to_one_service" {
  assert {
    condition = alltrue(flatten([
      for policy in values(aws_iam_role_policy.duties) : [
        for statement in jsondecode(policy.policy).Statement :
        length(statement.Resource) == 1 && can(statement.Condition.StringEquals["iam:PassedToService"]) && !strcontains(statement.Resource[0], "*")
        if contains(statement.Action, "iam:PassRole")
      ]
    ]))
    error_message = "iam:PassRole names the role and the service."
  }
}

run "the_cost_mail_leaves_at_seven_in_berlin" {
  variables {
    optional_functions = ["cost_summary"]
  }

  assert {
    condition     = aws_scheduler_schedule.this["cost_summary"].schedule_expression_timezone == "Europe/Berlin" && aws_scheduler_schedule.this["cost_summary"].schedule_expression == "cron(0 7 * * ? *)"
    error_message = "OPS-003: 07:00, summer and winter."
  }
}

run "the_key_set_is_copied_every_ten_minutes" {
  assert {
    condition     = keys(aws_scheduler_schedule.this) == ["jwks_mirror"] && aws_scheduler_schedule.this["jwks_mirror"].schedule_expression == "rate(10 minutes)"
    error_message = "The copy of the key set is at most ten minutes old (decision 4)."
  }
}

run "what_was_built_is_what_lambda_gets" {
  variables {
    architecture = "arm64"
  }

  assert {
    condition = alltrue([
      for function in aws_lambda_function.this : function.source_code_hash == local.manifest["tinyllama-lambda.zip"].sha256 && function.architectures == tolist(["arm64"])
    ])
    error_message = "The zip's hash is the manifest's."
  }

  assert {
    condition     = aws_lambda_layer_version.libraries.source_code_hash == local.manifest["tinyllama-layer-arm64.zip"].sha256
    error_message = "The layer is the one of the architecture."
  }
}

run "rejects_a_folder_in_which_nothing_was_built" {
  command         = plan
  expect_failures = [var.artefact_dir]

  variables {
    artefact_dir = "tests/nothing"
  }
}

run "rejects_an_architecture_without_a_layer" {
  command         = plan
  expect_failures = [var.architecture]

  variables {
    architecture = "riscv64"
  }
}

run "rejects_a_runtime_that_our_code_is_too_new_for" {
  command         = plan
  expect_failures = [var.runtime]

  variables {
    runtime = "python3.9"
  }
}

run "rejects_a_function_that_nobody_knows" {
  command         = plan
  expect_failures = [var.optional_functions]

  variables {
    optional_functions = ["mailer"]
  }
}

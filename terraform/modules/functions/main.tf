# Every Lambda function: one zip with our code, one layer with everybody else's, a role of its own for each.
# Monthly cost: nothing at 50 requests a day (1 M calls and 400,000 GB-s are free); logs USD 0.63 a GB after the first 5.
# What each function is stands in router.tf, keys.tf, resize.tf and later.tf.

locals {
  # Those whose code exists, and those of later releases that were asked for.
  functions = merge(
    local.request_functions, local.key_functions, local.admin_functions,
    { for name, function in local.later_functions : name => function if contains(var.optional_functions, name) },
  )
  manifest = { for artefact in jsondecode(file("${var.artefact_dir}/manifest.json")) : artefact.name => artefact }
  zip      = "tinyllama-lambda.zip"
  layer    = "tinyllama-layer-${var.architecture}.zip"
  # By name, so that whoever needs a function's ARN does not have to wait for it.
  names = { for name in keys(local.functions) : name => name == "router" ? "tinyllama-router" : "tinyllama-${replace(name, "_", "-")}" }
  arn   = "arn:${var.account.partition}"
  place = "${var.account.region}:${var.account.id}"
}

resource "aws_lambda_layer_version" "libraries" {
  layer_name               = "tinyllama-libraries"
  description              = "requirements/lambda.lock"
  filename                 = "${var.artefact_dir}/${local.layer}"
  source_code_hash         = local.manifest[local.layer].sha256
  compatible_runtimes      = [var.runtime]
  compatible_architectures = [var.architecture]
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name    = local.names[each.key]
  description      = each.value.description
  role             = aws_iam_role.this[each.key].arn
  handler          = each.value.handler
  runtime          = var.runtime
  architectures    = [var.architecture]
  filename         = "${var.artefact_dir}/${local.zip}"
  source_code_hash = local.manifest[local.zip].sha256
  layers           = [aws_lambda_layer_version.libraries.arn]
  memory_size      = each.value.memory_mb
  timeout          = each.value.timeout_s
  publish          = each.key == "router" # its versions are what the alias goes back to

  environment {
    variables = { for name, value in each.value.environment : name => value if value != null }
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "Text" # a record of ours is one line of JSON on stdout already
    log_group  = each.key == "router" ? var.access_log_group : aws_cloudwatch_log_group.this[each.key].name
  }

  dynamic "vpc_config" {
    for_each = each.value.inside_vpc ? [1] : []

    content {
      subnet_ids                  = var.private_subnet_ids
      security_group_ids          = [var.functions_security_group_id]
      ipv6_allowed_for_dual_stack = true
    }
  }

  # Functions that are called synchronously have none: their caller is told. `undelivered` says so.
  dynamic "dead_letter_config" {
    for_each = each.value.undelivered == "dead-letter" ? [1] : []

    content {
      target_arn = aws_sqs_queue.undelivered.arn
    }
  }

  tags = { Name = local.names[each.key], Role = "functions" }

  depends_on = [aws_iam_role_policy.runtime, aws_iam_role_policy.duties]
}

# `apply` publishes a version and moves the alias to it. Older versions stay, so that the alias can be put back.
resource "aws_lambda_alias" "prod" {
  name             = "prod"
  description      = "What API Gateway calls"
  function_name    = aws_lambda_function.this["router"].function_name
  function_version = aws_lambda_function.this["router"].version
}

# The router writes to the access log of the API (decision 3); every other function has a group of its own.
resource "aws_cloudwatch_log_group" "this" {
  for_each = { for name, function in local.functions : name => local.names[name] if name != "router" }

  name              = "/aws/lambda/${each.value}"
  retention_in_days = 30
  tags              = { Role = "functions" }
}

# Events that a function failed on after Lambda's two further tries.
resource "aws_sqs_queue" "undelivered" {
  name                      = "tinyllama-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = { Role = "functions" }
}

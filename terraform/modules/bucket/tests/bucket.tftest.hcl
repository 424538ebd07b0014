# A bucket is private, encrypted, forgets, and is refused a bad name.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "tlfif-test-123456789012"
  role        = "storage"
  expire_days = 30
}

run "nobody_outside_may_read_it" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Every kind of public access has to be blocked."
  }
}

run "without_tls_everything_is_refused" {
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "The policy must deny what comes without TLS."
  }
}

run "the_only_wildcard_principal_is_one_that_is_denied" {
  variables {
    statements = [{ Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = ["s3:PutObject"], Resource = ["x"] }]
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : statement.Effect == "Deny" || can(statement.Principal.Service)
    ])
    error_message = "Nobody but a service is allowed anything by the bucket's policy."
  }

  assert {
    condition     = length(jsondecode(aws_s3_bucket_policy.this.policy).Statement) == 2
    error_message = "Further statements are added, not replaced."
  }
}

run "protected_data_survive_a_destroy" {
  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "By default a bucket that is not empty must not be destroyed."
  }
}

run "rejects_a_name_that_s3_would_refuse" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "TLFIF_Test"
  }
}

run "rejects_objects_that_expire_at_once" {
  command         = plan
  expect_failures = [var.expire_days]

  variables {
    expire_days = 0
  }
}

# What must be true after an apply, and is nobody's resource. A check warns; it undoes nothing.

check "mail_is_confirmed" {
  assert {
    condition     = length(module.ops.unconfirmed) == 0
    error_message = "Nobody has confirmed these addresses yet, so no alert reaches them: ${join(", ", module.ops.unconfirmed)}. Open the mails from AWS Notifications."
  }
}

# Outside the checks: a plan with a data source inside one is never empty (`plan -detailed-exitcode` says 2 for ever).
# Running On-Demand G and VT instances, in vCPUs; 0 in a new account.
data "aws_servicequotas_service_quota" "gpu_vcpus" {
  service_code = "ec2"
  quota_code   = "L-DB2E81BA"
}

data "aws_servicequotas_service_quota" "lambda" {
  service_code = "lambda"
  quota_code   = "L-B99A9384"
}

check "the_account_may_have_the_gpu" {
  assert {
    condition     = data.aws_servicequotas_service_quota.gpu_vcpus.value >= 4
    error_message = "This account may not run a GPU instance yet: ask for 4 vCPUs of \"Running On-Demand G and VT instances\" (docs/deploy.md)."
  }
}

check "enough_functions_may_run_at_once" {
  assert {
    condition     = data.aws_servicequotas_service_quota.lambda.value >= 10
    error_message = "Fewer than 10 functions may run at once: five users who poll will be refused (docs/deploy.md)."
  }
}

# Money, alerts, the dashboard and the audit trail.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account            = { partition = "aws", region = "eu-central-1", id = "123456789012" }
  budget_eur         = 20
  usd_per_eur        = 1.1435
  alert_email        = "ops@example.com"
  cost_email         = "finance@example.com"
  bucket_suffix      = "123456789012"
  dashboard_body     = "{\"widgets\": []}"
  resize_audit_query = "SELECT 1"
}

run "the_lines_of_runbooks_are_kept_for_a_year_and_survive_a_destroy" {
  assert {
    condition     = aws_cloudwatch_log_group.runbooks.retention_in_days == 365 && aws_cloudwatch_log_group.runbooks.skip_destroy
    error_message = "As long as the trail; and whoever destroys the stack leaves the line that says so."
  }
}

run "the_budget_is_in_dollars_and_warns_at_75_and_105_percent" {
  assert {
    condition     = aws_budgets_budget.tlfif_monthly.limit_amount == "22.87" && aws_budgets_budget.tlfif_monthly.limit_unit == "USD"
    error_message = "EUR 20 at USD 1.1435."
  }

  assert {
    condition     = toset([for alert in aws_budgets_budget.tlfif_monthly.notification : alert.threshold]) == toset([75, 105])
    error_message = "OPS-001: EUR 15 and EUR 21."
  }
}

run "what_credits_and_refunds_pay_for_counts_as_spent" {
  assert {
    condition     = !one(aws_budgets_budget.tlfif_monthly.cost_types).include_credit && !one(aws_budgets_budget.tlfif_monthly.cost_types).include_refund
    error_message = "An account with credits would be warned when they are used up, and not before."
  }
}

run "topics_have_the_names_of_the_tickets" {
  assert {
    condition     = toset([for topic in aws_sns_topic.this : topic.name]) == toset(["tinyllama-alerts", "tlfif-budget-warn", "tlfif-budget-kill", "tlfif-cost-daily"])
    error_message = "OPS-001, OPS-003."
  }
}

run "only_services_of_this_account_publish_to_topics" {
  assert {
    condition = alltrue(flatten([
      for policy in aws_sns_topic_policy.this : [
        for statement in jsondecode(policy.policy).Statement : statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012" && can(statement.Principal.Service)
      ]
    ]))
    error_message = "Another account's budget must not call our killer."
  }
}

run "the_daily_mail_has_its_own_reader" {
  assert {
    condition     = aws_sns_topic_subscription.mail["cost"].endpoint == "finance@example.com" && aws_sns_topic_subscription.mail["alerts"].endpoint == "ops@example.com"
    error_message = "OPS-003."
  }
}

run "a_viewer_sees_one_dashboard_and_changes_nothing" {
  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_policy.viewer.policy).Statement : statement.Action])) == toset(["cloudwatch:GetDashboard", "cloudwatch:GetMetricData"])
    error_message = "OPS-002."
  }

  assert {
    condition     = jsondecode(aws_iam_policy.viewer.policy).Statement[0].Resource == ["arn:aws:cloudwatch::123456789012:dashboard/TinyLlama-Overview"]
    error_message = "One dashboard, by its name."
  }
}

run "the_trail_can_be_trusted_and_asked" {
  assert {
    condition     = aws_cloudtrail.audit.enable_log_file_validation && aws_athena_named_query.resize_audit.query == "SELECT 1"
    error_message = "EC2-002."
  }
}

run "the_node_must_keep_project_and_role" {
  assert {
    condition     = jsondecode(aws_config_config_rule.required_tags[0].input_parameters) == { tag1Key = "Project", tag1Value = "tinyllama", tag2Key = "Role" }
    error_message = "EC2-001: required-tags."
  }

  assert {
    condition     = aws_config_configuration_recorder.tags[0].recording_mode[0].recording_frequency == "DAILY"
    error_message = "Recording every start and stop would cost more than it is worth."
  }
}

run "an_account_with_a_recorder_gets_the_rule_alone" {
  variables {
    tag_audit = "existing"
  }

  assert {
    condition     = length(aws_config_config_rule.required_tags) == 1 && length(aws_config_configuration_recorder.tags) == 0
    error_message = "An account has one recorder at most."
  }
}

run "rejects_a_budget_of_zero" {
  command         = plan
  expect_failures = [var.budget_eur]

  variables {
    budget_eur = 0
  }
}

run "rejects_a_mail_address_without_a_domain" {
  command         = plan
  expect_failures = [var.alert_email]

  variables {
    alert_email = "ops@"
  }
}

run "rejects_a_cost_address_that_is_none" {
  command         = plan
  expect_failures = [var.cost_email]

  variables {
    cost_email = "the finance team"
  }
}

run "rejects_alerts_without_tls" {
  command         = plan
  expect_failures = [var.alert_urls]

  variables {
    alert_urls = ["http://example.com/alerts"]
  }
}

run "rejects_a_way_of_auditing_that_does_not_exist" {
  command         = plan
  expect_failures = [var.tag_audit]

  variables {
    tag_audit = "sometimes"
  }
}

run "rejects_an_exchange_rate_of_cents" {
  command         = plan
  expect_failures = [var.usd_per_eur]

  variables {
    usd_per_eur = 114
  }
}

run "rejects_a_dashboard_that_is_none" {
  command         = plan
  expect_failures = [var.dashboard_body]

  variables {
    dashboard_body = "widgets"
  }
}

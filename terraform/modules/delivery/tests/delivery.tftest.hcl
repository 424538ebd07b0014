# Who may build a release, and what stops the builder.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account        = { partition = "aws", region = "eu-central-1", id = "123456789012" }
  bucket_suffix  = "123456789012"
  vpc_id         = "vpc-0123456789abcdef0"
  subnet_id      = "subnet-0123456789abcdef0"
  warn_topic_arn = "arn:aws:sns:eu-central-1:123456789012:tlfif-budget-warn"
}

run "by_default_there_is_no_builder_and_nobody_may_build" {
  assert {
    condition     = length(aws_instance.builder) == 0 && length(aws_iam_role.github) == 0
    error_message = "A builder's disk costs money, and a repository has to be named."
  }

  assert {
    condition     = aws_ssm_document.build.name == "TL-SAM-Build"
    error_message = "CI-002 names the document."
  }
}

run "only_tags_of_the_repository_may_build" {
  variables {
    github_repository = "example/tinyllama"
  }

  assert {
    condition     = jsondecode(aws_iam_role.github[0].assume_role_policy).Statement[0].Condition.StringLike["token.actions.githubusercontent.com:sub"] == "repo:example/tinyllama:ref:refs/tags/v*"
    error_message = "A branch or a fork must not build in this account."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.github[0].policy).Statement :
      statement.Resource == [aws_ssm_document.build.arn] || try(statement.Condition.StringEquals["ssm:resourceTag/Role"], "") == "builder"
      if contains(statement.Action, "ssm:SendCommand")
    ])
    error_message = "CI-002: one document, on the builder."
  }
}

run "an_existing_provider_is_used" {
  variables {
    github_repository   = "example/tinyllama"
    github_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && jsondecode(aws_iam_role.github[0].assume_role_policy).Statement[0].Principal.Federated == var.github_provider_arn
    error_message = "An account has one provider for GitHub."
  }
}

run "more_than_sixty_minutes_of_the_builder_a_month_are_told" {
  variables {
    enable_builder = true
  }

  assert {
    condition = alltrue([
      aws_budgets_budget.builder_hours[0].budget_type == "USAGE",
      "${aws_budgets_budget.builder_hours[0].limit_amount} ${aws_budgets_budget.builder_hours[0].limit_unit}" == "1.0 Hrs",
      aws_budgets_budget.builder_hours[0].time_unit == "MONTHLY",
      contains(flatten([for each in aws_budgets_budget.builder_hours[0].cost_filter : each.values]), "t3.medium"),
      one(one(aws_budgets_budget.builder_hours[0].notification).subscriber_sns_topic_arns) == var.warn_topic_arn,
    ])
    error_message = "CI-002: an alarm above 60 minutes a month."
  }
}

run "the_builder_is_stopped_after_half_an_hour_and_when_it_is_done" {
  variables {
    enable_builder = true
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_event_rule.stop_builder)) == toset(["force-stop-build-runner", "stop-build-runner-when-done"])
    error_message = "EC2-004 and CI-002."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_target.stop_builder["force-stop-build-runner"].input).Wait == ["PT30M"]
    error_message = "EC2-004: 30 minutes."
  }

  assert {
    condition     = yamldecode(aws_ssm_document.stop_builder[0].content).mainSteps[*].action == ["aws:sleep", "aws:executeAwsApi"]
    error_message = "Wait, then stop."
  }
}

run "ssh_to_the_builder_is_for_the_vpn_only" {
  variables {
    enable_builder = true
    vpn_cidr       = "192.0.2.0/24"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh[0].cidr_ipv4 == "192.0.2.0/24" && aws_vpc_security_group_ingress_rule.ssh[0].from_port == 22
    error_message = "EC2-004: from the VPN's CIDR only."
  }
}

run "without_a_vpn_nobody_reaches_the_builder" {
  variables {
    enable_builder = true
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "SSH is open although no VPN was named."
  }
}

run "no_policy_allows_a_wildcard_action_and_only_calls_without_resources_name_all" {
  variables {
    enable_builder    = true
    github_repository = "example/tinyllama"
  }

  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_role_policy.github[0], aws_iam_role_policy.builder[0], aws_iam_role_policy.stop_builder[0]] : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in statement.Action : !strcontains(action, "*") && (!contains(statement.Resource, "*") || can(regex("^(ec2:Describe|ssm:UpdateInstanceInformation|ssm:GetCommandInvocation|ssmmessages:|ec2messages:)", action)))
        ]
      ]
    ]))
    error_message = "Actions are named one by one; Resource * is for calls that know no resources."
  }
}

run "rejects_a_repository_without_an_owner" {
  command         = plan
  expect_failures = [var.github_repository]

  variables {
    github_repository = "tinyllama"
  }
}

run "rejects_a_provider_that_is_not_githubs" {
  command         = plan
  expect_failures = [var.github_provider_arn]

  variables {
    github_provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
  }
}

run "rejects_user_data_that_is_no_script" {
  command         = plan
  expect_failures = [var.builder_user_data]

  variables {
    builder_user_data = "apt-get install docker"
  }
}

run "rejects_an_image_that_is_no_image" {
  command         = plan
  expect_failures = [var.builder_ami_id]

  variables {
    builder_ami_id = "ubuntu"
  }
}

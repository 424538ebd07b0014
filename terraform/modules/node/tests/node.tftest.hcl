# The node, its role, its lease and the document that resizes it.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account           = { partition = "aws", region = "eu-central-1", id = "123456789012" }
  known_types       = ["g4dn.xlarge", "t3.small"]
  node_type         = "t3.small"
  subnet_id         = "subnet-0123456789abcdef0"
  security_group_id = "sg-00000000000000001"
  reply_bucket      = { name = "replies", arn = "arn:aws:s3:::replies" }
  alert_topic_arn   = "arn:aws:sns:eu-central-1:123456789012:tinyllama-alerts"

  queue = {
    url        = "https://sqs.eu-central-1.amazonaws.com/123456789012/tinyllama-jobs"
    arn        = "arn:aws:sqs:eu-central-1:123456789012:tinyllama-jobs"
    dead_arn   = "arn:aws:sqs:eu-central-1:123456789012:tinyllama-jobs-dead"
    table_name = "tinyllama-jobs"
    table_arn  = "arn:aws:dynamodb:eu-central-1:123456789012:table/tinyllama-jobs"
    redis_host = "tl-fif-queue.example.com"
  }
}

run "the_node_is_as_ec2_001_asks" {
  assert {
    condition = alltrue([
      aws_launch_template.node[0].instance_initiated_shutdown_behavior == "stop",
      aws_launch_template.node[0].metadata_options[0].http_tokens == "required",
      aws_launch_template.node[0].block_device_mappings[0].ebs[0].volume_type == "gp3",
      aws_launch_template.node[0].block_device_mappings[0].ebs[0].volume_size == 30,
      aws_launch_template.node[0].block_device_mappings[0].ebs[0].encrypted == "true",
    ])
    error_message = "Stop on shutdown, IMDSv2, 30 GiB of encrypted gp3."
  }
}

run "the_node_its_disk_and_its_interface_are_found_by_their_tags" {
  assert {
    condition = toset([for each in aws_launch_template.node[0].tag_specifications : each.resource_type]) == toset(["instance", "volume", "network-interface"]) && alltrue([
      for each in aws_launch_template.node[0].tag_specifications : each.tags.Project == "tinyllama" && each.tags.Role == "gpu-node"
    ])
    error_message = "Permissions and the bill go by Project and Role."
  }
}

run "a_new_node_is_stopped_until_somebody_asks" {
  assert {
    condition     = aws_ec2_instance_state.node[0].state == "stopped"
    error_message = "A node that nobody asked for must not run."
  }
}

run "the_worker_may_stop_nothing_but_the_node" {
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.node[0].policy).Statement :
      statement.Condition.StringEquals["aws:ResourceTag/Role"] == "gpu-node" && statement.Condition.StringEquals["aws:ResourceTag/Project"] == "tinyllama"
      if contains(statement.Action, "ec2:StopInstances")
    ])
    error_message = "EC2-003: only by tag."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.node[0].policy, "ModifyInstanceAttribute") && !strcontains(aws_iam_role_policy.node[0].policy, "StartInstances")
    error_message = "The node neither resizes nor starts anything."
  }
}

run "no_policy_allows_a_wildcard_action_and_only_calls_without_resources_name_all" {
  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_role_policy.node[0], aws_iam_role_policy.lease, aws_iam_role_policy.resize] : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in statement.Action : !strcontains(action, "*") && (!contains(statement.Resource, "*") || can(regex("^(ec2:Describe|ssm:UpdateInstanceInformation|ssmmessages:|cloudwatch:PutMetricData)", action)))
        ]
      ]
    ]))
    error_message = "Actions are named one by one; Resource * is for calls that know no resources."
  }
}

run "the_lease_may_stop_the_node_and_nothing_else" {
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.lease.policy).Statement : statement.Action]) == ["ec2:StopInstances"]
    error_message = "Decision 6: the last guard stops, and does nothing else."
  }

  assert {
    condition     = jsondecode(aws_iam_role.lease.assume_role_policy).Statement[0].Principal.Service == "scheduler.amazonaws.com" && can(jsondecode(aws_iam_role.lease.assume_role_policy).Statement[0].Condition)
    error_message = "Only the scheduler of this account takes on the lease's role."
  }
}

run "a_stop_that_does_not_happen_at_the_end_of_a_lease_is_told_of" {
  assert {
    condition = toset([
      for alarm in [aws_cloudwatch_metric_alarm.lease_refused, aws_cloudwatch_metric_alarm.lease_dropped] : alarm.metric_name
      if alarm.namespace == "AWS/Scheduler" && alarm.dimensions["ScheduleGroup"] == "tinyllama-leases" && alarm.alarm_actions == toset([var.alert_topic_arn])
    ]) == toset(["TargetErrorCount", "InvocationDroppedCount"])
    error_message = "Decision 6: the last guard fails silently otherwise."
  }
}

run "the_document_stops_before_it_modifies_and_puts_back_on_failure" {
  assert {
    condition = [
      for step in yamldecode(aws_ssm_document.resize.content).mainSteps : step.name
      if contains(["grantLease", "stop", "waitStopped", "modify", "start", "waitRunning"], step.name)
    ] == ["grantLease", "stop", "waitStopped", "modify", "start", "waitRunning"]
    error_message = "Lease, stop, wait, modify, start, verify: in this order."
  }

  assert {
    condition = alltrue([
      for step in yamldecode(aws_ssm_document.resize.content).mainSteps : step.onFailure == "step:restoreStop"
      if contains(["modify", "verifyType", "start", "waitRunning"], step.name)
    ])
    error_message = "Whatever fails after the stop is put back."
  }
}

run "only_the_documents_role_may_change_the_type" {
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.resize.policy).Statement : contains(statement.Action, "ec2:ModifyInstanceAttribute") && can(statement.Condition.StringEquals["aws:ResourceTag/Role"])
    ])
    error_message = "Decision 5."
  }
}

run "the_node_reads_its_settings_below_one_path_and_nothing_else" {
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.node[0].policy).Statement : statement.Resource
      if contains(statement.Action, "ssm:GetParametersByPath")
    ] == [["arn:aws:ssm:eu-central-1:123456789012:parameter/tinyllama/worker"]]
    error_message = "roles/worker asks for the parameters below one path."
  }

  assert {
    condition = alltrue([
      for name, parameter in aws_ssm_parameter.settings : parameter.name == "/tinyllama/worker/${name}" && parameter.type == "String" && parameter.tier == "Standard" && can(regex("^[A-Z][A-Z0-9_]*$", name))
    ]) && aws_ssm_parameter.settings["TL_QUEUE"].value == "sqs" && !can(aws_ssm_parameter.settings["REDIS_HOST"])
    error_message = "The last part of a parameter's name is the variable's; standard parameters are free."
  }
}

run "redis_adds_one_setting_and_takes_none_away" {
  variables {
    enable_redis = true
  }

  assert {
    condition     = aws_ssm_parameter.settings["TL_QUEUE"].value == "redis" && aws_ssm_parameter.settings["REDIS_HOST"].value == "tl-fif-queue.example.com" && can(aws_ssm_parameter.settings["QUEUE_URL"])
    error_message = "docs/adr/0057: the switch deletes nothing."
  }
}

run "a_node_that_is_to_set_itself_up_tries_at_every_boot" {
  variables {
    boot_script = "#!/bin/sh\necho hello\n"
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.node[0].user_data), "\n#!/bin/sh\necho hello\n\n--tinyllama--") && strcontains(base64decode(aws_launch_template.node[0].user_data), "\n#cloud-config\ncloud_final_modules: [[scripts-user, always]]\n")
    error_message = "The first boot of a new node is cut short: it is stopped at once."
  }
}

run "without_a_script_there_is_no_user_data" {
  assert {
    condition     = aws_launch_template.node[0].user_data == null
    error_message = "By default, playbooks/site.yml sets the node up."
  }
}

run "without_a_node_leases_and_document_stay" {
  variables {
    enable_node = false
  }

  assert {
    condition     = length(aws_instance.node) == 0 && output.instance_id == null && output.lease.group != ""
    error_message = "The API needs the lease's names even without a node."
  }
}

run "with_redis_the_worker_may_not_touch_the_other_queue" {
  variables {
    enable_redis = true
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.node[0].policy, "sqs:") && !strcontains(aws_iam_role_policy.node[0].policy, "dynamodb:")
    error_message = "What is not needed is not allowed."
  }
}

run "a_fixed_address_has_an_alarm_for_when_it_idles" {
  variables {
    enable_eip = true
  }

  assert {
    condition     = length(aws_eip.node) == 1 && aws_cloudwatch_metric_alarm.eip_idle[0].metric_name == "EIPIdle"
    error_message = "EC2-001: EIPIdle."
  }
}

run "logs_of_the_node_are_forgotten_after_thirty_days" {
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.node : group.retention_in_days == 30])
    error_message = "Every log group has a retention."
  }
}

run "rejects_an_address_without_a_node" {
  command         = plan
  expect_failures = [var.enable_eip]

  variables {
    enable_node = false
    enable_eip  = true
  }
}

run "rejects_an_instance_type_without_a_known_price" {
  command         = plan
  expect_failures = [var.node_type]

  variables {
    node_type = "x9.huge"
  }
}

run "rejects_an_ubuntu_that_the_roles_do_not_know" {
  command         = plan
  expect_failures = [var.ubuntu]

  variables {
    ubuntu = "18.04"
  }
}

run "rejects_an_image_that_is_no_image" {
  command         = plan
  expect_failures = [var.ami_id]

  variables {
    ami_id = "ubuntu"
  }
}

run "rejects_a_boot_script_without_an_interpreter" {
  command         = plan
  expect_failures = [var.boot_script]

  variables {
    boot_script = "echo hello"
  }
}

run "rejects_a_boot_script_that_ec2_would_not_take" {
  command         = plan
  expect_failures = [var.boot_script]

  variables {
    boot_script = format("#!%16000s", "")
  }
}

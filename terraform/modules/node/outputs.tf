output "instance_id" {
  description = "The node; null without one."
  value       = one(aws_instance.node[*].id)
}

output "settings" {
  description = "Environment of the node's processes, and the path of the parameters that say so."
  value       = { path = local.settings_path, environment = local.settings }
}

output "lease" {
  description = "Schedule group of the node's leases, and the role that stops the node when one ends."
  value       = { group = aws_scheduler_schedule_group.leases.name, role_arn = local.lease_role_arn }

  depends_on = [aws_iam_role_policy.lease]
}

output "resize" {
  description = "The resize document, the role that it works with, and the instance types that it knows."
  value       = { document = aws_ssm_document.resize.name, role_arn = local.resize_role_arn, types = var.known_types }
}

output "public_ip" {
  description = "The fixed address; null without one."
  value       = one(aws_eip.node[*].public_ip)
}

output "log_groups" {
  description = "Log groups of the node."
  value       = [for group in aws_cloudwatch_log_group.node : group.name]
}

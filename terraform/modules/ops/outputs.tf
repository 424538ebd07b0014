output "topics" {
  description = "ARNs of the topics: alerts, warn, kill, cost."
  value       = { for key, topic in aws_sns_topic.this : key => topic.arn }

  depends_on = [aws_sns_topic_policy.this] # whoever is told the topic may publish to it
}

output "unconfirmed" {
  description = "Subscriptions that still wait for somebody to confirm a mail."
  value       = [for key, mail in aws_sns_topic_subscription.mail : "${mail.endpoint} (${key})" if mail.pending_confirmation]
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.ops.dashboard_name
}

output "viewer_policy_arn" {
  description = "Policy for those who may only look."
  value       = aws_iam_policy.viewer.arn
}

output "audit_log_group" {
  description = "Log group of the lines that runbooks leave."
  value       = aws_cloudwatch_log_group.runbooks.name
}

output "jobs" {
  description = "Name, URL and ARN of the SQS queue of jobs."
  value       = { name = aws_sqs_queue.jobs.name, url = aws_sqs_queue.jobs.url, arn = aws_sqs_queue.jobs.arn }
}

output "dead" {
  description = "Name, URL and ARN of the redrive queue."
  value       = { name = aws_sqs_queue.dead.name, url = aws_sqs_queue.dead.url, arn = aws_sqs_queue.dead.arn }
}

output "table" {
  description = "Name and ARN of the DynamoDB table."
  value       = { name = aws_dynamodb_table.jobs.name, arn = aws_dynamodb_table.jobs.arn }
}

output "redis_host" {
  description = "Host of Redis; null without it."
  value       = one(aws_elasticache_replication_group.queue[*].primary_endpoint_address)
}

output "replies" {
  description = "Name and ARN of the bucket of replies."
  value       = { name = module.replies.name, arn = module.replies.arn }
}

output "keys" {
  description = "Name and ARN of the bucket with the copy of the pool's key set."
  value       = { name = module.keys.name, arn = module.keys.arn }
}

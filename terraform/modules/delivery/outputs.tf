output "github_role_arn" {
  description = "Role of GitHub Actions; null without a repository."
  value       = one(aws_iam_role.github[*].arn)
}

output "buckets" {
  description = "Names of the buckets: source and artifacts."
  value       = { for key, bucket in module.bucket : key => bucket.name }
}

output "builder_instance_id" {
  description = "The builder; null without one."
  value       = one(aws_instance.builder[*].id)
}

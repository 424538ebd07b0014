output "name" {
  description = "Name of the bucket; known when it is ready to be written to."
  value       = aws_s3_bucket.this.id

  depends_on = [aws_s3_bucket_policy.this]
}

output "arn" {
  description = "ARN of the bucket, put together from its name, so that plans show it."
  value       = "arn:${var.partition}:s3:::${var.name}"
}

# Monthly cost: nothing while idle; SQS USD 0.40 a million after the first million, DynamoDB on demand USD 0.625 a
# million writes, 0.125 a million reads, 0.25 a GB. What is stored lives for an hour.

resource "aws_sqs_queue" "jobs" {
  name                       = "tinyllama-jobs"
  visibility_timeout_seconds = var.visibility_s
  message_retention_seconds  = 3600
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receives
  })

  tags = { Role = "queue" }
}

resource "aws_sqs_queue" "dead" {
  name                      = "tinyllama-jobs-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true

  tags = { Role = "queue" }
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.jobs.arn]
  })
}

resource "aws_dynamodb_table" "jobs" {
  #checkov:skip=CKV_AWS_28:what is stored lives for an hour, and its replies are in S3
  name                        = "tinyllama-jobs"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  deletion_protection_enabled = var.protect_data

  attribute {
    name = "pk"
    type = "S"
  }

  ttl {
    attribute_name = "ttl_at"
    enabled        = true
  }

  server_side_encryption {
    enabled = false # false is DynamoDB's own key: encrypted all the same, and free
  }

  tags = { Role = "queue" }
}

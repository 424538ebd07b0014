# The copy of the pool's key set, for a router inside the VPC. It runs without Redis too (4,380 calls a month are free,
# the writes cost USD 0.02), so that the copy is there at the moment Redis is switched on.

locals {
  key_functions = {
    jwks_mirror = {
      description = "Copies the pool's key set to S3 every ten minutes"
      handler     = "lambdas.jwks_mirror.handler.lambda_handler"
      memory_mb   = 256
      timeout_s   = 30
      undelivered = "dead-letter"
      inside_vpc  = false
      environment = { COGNITO_ISSUER = var.users.issuer, JWKS_BUCKET = var.key_bucket.name }
      duties = jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid      = "PublishTheKeySet"
          Effect   = "Allow"
          Action   = ["s3:PutObject"]
          Resource = ["${var.key_bucket.arn}/jwks.json"]
        }]
      })
    }
  }
}

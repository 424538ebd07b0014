output "user_pool_id" {
  description = "The user pool."
  value       = aws_cognito_user_pool.users.id
}

output "client_id" {
  description = "The app client: `aud` of its tokens."
  value       = aws_cognito_user_pool_client.gui.id
}

output "issuer" {
  description = "`iss` of the pool's tokens."
  value       = local.issuer
}

output "jwks_url" {
  description = "Where the pool publishes its keys."
  value       = "${local.issuer}/.well-known/jwks.json"
}

output "login_url" {
  description = "COGNITO_DOMAIN: the hosted login page, without a path."
  value       = "https://${aws_cognito_user_pool_domain.login.domain}.auth.${var.region}.amazoncognito.com"
}

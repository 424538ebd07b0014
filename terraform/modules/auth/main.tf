# Monthly cost: nothing, 10,000 monthly users are free.

locals {
  issuer = "https://cognito-idp.${var.region}.amazonaws.com/${aws_cognito_user_pool.users.id}"
}

resource "aws_cognito_user_pool" "users" {
  name                     = "tinyllama"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = "OPTIONAL"
  deletion_protection      = var.protect_data ? "ACTIVE" : "INACTIVE"

  # One to five people know each other: nobody signs up by themselves.
  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  password_policy {
    minimum_length                   = 14
    require_lowercase                = true
    require_uppercase                = true
    require_numbers                  = true
    require_symbols                  = false
    temporary_password_validity_days = 7
  }

  software_token_mfa_configuration {
    enabled = true
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  tags = { Name = "tinyllama", Role = "auth" }
}

resource "aws_cognito_user_pool_domain" "login" {
  domain       = var.login_prefix
  user_pool_id = aws_cognito_user_pool.users.id
}

# Cognito compares redirect URIs to the byte, port included: the GUI picks a free one of the five (decision 12). It takes
# plain HTTP for loopback addresses only. A client without a secret is safe through PKCE.
resource "aws_cognito_user_pool_client" "gui" {
  name         = "tinyllama"
  user_pool_id = aws_cognito_user_pool.users.id

  generate_secret                      = false
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["openid", "email"]
  supported_identity_providers         = ["COGNITO"]
  callback_urls                        = [for port in var.callback_ports : "http://127.0.0.1:${port}/callback"]
  explicit_auth_flows                  = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true

  id_token_validity      = 60
  access_token_validity  = 60
  refresh_token_validity = 1

  token_validity_units {
    id_token      = "minutes"
    access_token  = "minutes"
    refresh_token = "hours"
  }
}

resource "aws_cognito_user_group" "admins" {
  name         = "admins"
  description  = "May resize the node"
  user_pool_id = aws_cognito_user_pool.users.id
}

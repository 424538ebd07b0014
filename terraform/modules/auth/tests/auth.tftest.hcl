# Users, the login page and the client of the GUI.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  region       = "eu-central-1"
  login_prefix = "tinyllama-123456789012"
}

run "the_client_is_public_and_uses_codes_only" {
  assert {
    condition     = aws_cognito_user_pool_client.gui.generate_secret == false && aws_cognito_user_pool_client.gui.allowed_oauth_flows == toset(["code"])
    error_message = "A desktop program keeps no secret: authorization code with PKCE, and nothing else."
  }
}

run "five_loopback_addresses_may_receive_the_code" {
  assert {
    condition     = length(aws_cognito_user_pool_client.gui.callback_urls) == 5 && contains(aws_cognito_user_pool_client.gui.callback_urls, "http://127.0.0.1:8765/callback")
    error_message = "API-005 registers five loopback ports, 8765 among them."
  }

  assert {
    condition     = alltrue([for url in aws_cognito_user_pool_client.gui.callback_urls : startswith(url, "http://127.0.0.1:")])
    error_message = "A code must never leave the machine of whoever logs in."
  }
}

run "nobody_signs_up_by_themselves" {
  assert {
    condition     = aws_cognito_user_pool.users.admin_create_user_config[0].allow_admin_create_user_only
    error_message = "Users are made by the owner of the account."
  }
}

run "there_is_a_group_of_admins" {
  assert {
    condition     = aws_cognito_user_group.admins.name == "admins"
    error_message = "/resize asks for the group `admins`."
  }
}

run "the_issuer_is_that_of_the_pool" {
  assert {
    condition     = output.issuer == "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI" && output.jwks_url == "${output.issuer}/.well-known/jwks.json"
    error_message = "Tokens name the pool's public address as their issuer."
  }
}

run "users_survive_a_destroy_unless_told_otherwise" {
  assert {
    condition     = aws_cognito_user_pool.users.deletion_protection == "ACTIVE"
    error_message = "By default the pool refuses to be deleted."
  }
}

run "rejects_a_login_prefix_that_names_aws" {
  command         = plan
  expect_failures = [var.login_prefix]

  variables {
    login_prefix = "my-aws-login"
  }
}

run "rejects_a_login_prefix_that_is_no_host_name" {
  command         = plan
  expect_failures = [var.login_prefix]

  variables {
    login_prefix = "My Login"
  }
}

run "rejects_fewer_than_five_ports" {
  command         = plan
  expect_failures = [var.callback_ports]

  variables {
    callback_ports = [8765]
  }
}

run "rejects_a_privileged_port" {
  command         = plan
  expect_failures = [var.callback_ports]

  variables {
    callback_ports = [80, 8766, 8767, 8768, 8769]
  }
}

# Buckets of replies and of the copy of the key set.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  bucket_suffix = "123456789012"
}

run "names_are_those_of_the_tickets_with_the_account_behind" {
  assert {
    condition     = output.replies.arn == "arn:aws:s3:::tlfif-responses-123456789012" && output.keys.arn == "arn:aws:s3:::tlfif-keys-123456789012"
    error_message = "Bucket names are global, so they end in the account id."
  }
}

run "rejects_a_suffix_that_s3_would_refuse" {
  command         = plan
  expect_failures = [var.bucket_suffix]

  variables {
    bucket_suffix = "My_Account"
  }
}

run "rejects_replies_that_are_kept_for_no_day" {
  command         = plan
  expect_failures = [var.reply_days]

  variables {
    reply_days = 0
  }
}

run "rejects_half_a_day" {
  command         = plan
  expect_failures = [var.reply_days]

  variables {
    reply_days = 1.5
  }
}

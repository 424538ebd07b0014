"""Copies Cognito's key set to S3, where functions inside the VPC can read it (design §4.4)."""

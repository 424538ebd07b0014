terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90, < 7"
    }
  }

  # The bucket is named at `terraform init -backend-config=...`: docs/deploy.md.
  backend "s3" {
    key          = "tinyllama/terraform.tfstate"
    use_lockfile = true
    encrypt      = true
  }
}

provider "aws" {
  region            = var.region
  s3_use_path_style = var.s3_use_path_style

  default_tags {
    tags = { Project = "tinyllama" }
  }
}

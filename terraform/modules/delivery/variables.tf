variable "account" {
  description = "Partition, region and account id, of which ARNs are made."
  type        = object({ partition = string, region = string, id = string })
}

variable "bucket_suffix" {
  description = "What makes bucket names unique in the world, as the account id."
  type        = string
}

variable "protect_data" {
  description = "Whether `destroy` refuses to delete a bucket that is not empty."
  type        = bool
  default     = true
}

variable "github_repository" {
  description = "Repository whose tags v* may build, as owner/name; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository must be owner/name: whoever it names may build in this account."
  }
}

variable "github_provider_arn" {
  description = "The account's OpenID Connect provider for GitHub, when it has one; null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.github_provider_arn == null || can(regex(":oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_provider_arn))
    error_message = "github_provider_arn must end in :oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "enable_builder" {
  description = "Whether there is a builder, for EUR 1.67 a month."
  type        = bool
  default     = false
}

variable "builder_ami_id" {
  description = "An image of your own for the builder; null for Canonical's newest Ubuntu 22.04."
  type        = string
  default     = null

  validation {
    condition     = var.builder_ami_id == null || can(regex("^ami-[0-9a-f]{8,17}$", var.builder_ami_id))
    error_message = "builder_ami_id must look like ami-0123456789abcdef0, or be null for Canonical's newest."
  }
}

variable "builder_user_data" {
  description = "What the builder runs at its first boot to set itself up; null leaves that to playbooks/builder.yml."
  type        = string
  default     = null

  validation {
    condition     = var.builder_user_data == null || startswith(coalesce(var.builder_user_data, "#!"), "#!")
    error_message = "builder_user_data must be a script, which starts with #! and its interpreter."
  }
}

variable "vpc_id" {
  description = "VPC of the builder."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of the builder."
  type        = string
}

variable "vpn_cidr" {
  description = "IPv4 block from which SSH is allowed; null for nobody."
  type        = string
  default     = null
}

variable "warn_topic_arn" {
  description = "Topic that is told when the builder runs for more than an hour a month."
  type        = string
}

# Where and whose.

variable "region" {
  description = "Region of everything: one with GPU instances (g4dn) and dual-stack endpoints."
  type        = string
  default     = "eu-central-1"

  validation {
    condition = contains([
      "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
      "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
      "us-west-2",
    ], var.region)
    error_message = "region must be one that offers g4dn instances and dual-stack endpoints, as eu-central-1, eu-west-1 or us-east-1."
  }
}

variable "alert_email" {
  description = "Mail address of alerts and budget warnings; that of a Slack channel will do."
  type        = string
}

variable "cost_email" {
  description = "Mail address of the daily cost mail; null for `alert_email`."
  type        = string
  default     = null
}

variable "alert_urls" {
  description = "HTTPS addresses that alerts are sent to as well and that confirm by themselves, as PagerDuty's do."
  type        = set(string)
  default     = []
}

variable "bucket_suffix" {
  description = "What makes bucket names unique in the world; null for the account id. Change it when a name is taken."
  type        = string
  default     = null
}

variable "login_prefix" {
  description = "First label of the login page's host, unique in the region; null for tinyllama- and the account id."
  type        = string
  default     = null
}

# Money.

variable "budget_eur" {
  description = "What a month may cost, in EUR. Mails come at 75 and 105 % of it; nothing is stopped by itself yet."
  type        = number
  default     = 20
}

variable "usd_per_eur" {
  description = "Exchange rate, for AWS bills in USD; as in tinyllama/domain/prices.py."
  type        = number
  default     = 1.1435
}

# The queue.

variable "enable_redis" {
  description = "Whether the queue is on Redis, for EUR 0.032 an hour, instead of on SQS and DynamoDB."
  type        = bool
  default     = false
}

# The node.

variable "enable_node" {
  description = "Whether there is a node. Without one, the API answers and nothing is ever started."
  type        = bool
  default     = true
}

variable "node_type" {
  description = "Instance type that the node is made with: a cheap one, until the account may have GPUs. Runbooks change it."
  type        = string
  default     = "t3.small"
}

variable "gpu_type" {
  description = "Instance type that the node is meant to run as; its zone has to offer it."
  type        = string
  default     = "g4dn.xlarge"

  validation {
    condition     = contains(local.known_types, var.gpu_type)
    error_message = "gpu_type is not a type whose price is known: choose one of ${join(", ", local.known_types)}."
  }
}

variable "ubuntu" {
  description = "Ubuntu release of the node: 22.04 or 24.04."
  type        = string
  default     = "22.04"
}

variable "node_ami_id" {
  description = "An image of your own, as baked beforehand; null for Canonical's newest of `ubuntu`."
  type        = string
  default     = null
}

variable "enable_eip" {
  description = "Whether the node has a fixed public address, for EUR 3.19 a month."
  type        = bool
  default     = false
}

# The network.

variable "vpc_cidr" {
  description = "IPv4 block of the VPC, a private /22."
  type        = string
  default     = "10.20.0.0/22"
}

variable "vpn_cidr" {
  description = "IPv4 block from which SSH is allowed; null for nobody (Session Manager needs no port)."
  type        = string
  default     = null
}

# Functions.

variable "artefact_dir" {
  description = "Folder that `make lambda` writes: the zip, the layers and manifest.json."
  type        = string
  default     = "../build/lambda"
}

variable "architecture" {
  description = "Architecture of the functions: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}

variable "runtime" {
  description = "Lambda runtime; the layer is compiled for this Python."
  type        = string
  default     = "python3.12"
}

variable "optional_functions" {
  description = "Further functions: canary. The code of budget_killer, cost_summary and node_events comes with later releases."
  type        = set(string)
  default     = []
}

# Operation and delivery.

variable "tag_audit" {
  description = "Whether AWS Config watches the node's tags: `record` with a recorder of ours, `existing` with the account's, `off`."
  type        = string
  default     = "record"
}

variable "github_repository" {
  description = "Repository whose tags v* may build, as owner/name; null for none."
  type        = string
  default     = null
}

variable "github_provider_arn" {
  description = "The account's OpenID Connect provider for GitHub, when it has one; null makes one."
  type        = string
  default     = null
}

variable "enable_builder" {
  description = "Whether there is a builder for releases, for EUR 1.67 a month."
  type        = bool
  default     = false
}

variable "builder_ami_id" {
  description = "An image of your own for the builder; null for Canonical's newest Ubuntu 22.04."
  type        = string
  default     = null
}

variable "source_url" {
  description = "Where hosts fetch this project as a .tar.gz, wheel included, to set themselves up; null leaves that to playbooks."
  type        = string
  default     = null

  validation {
    condition     = var.source_url == null || can(regex("^https://[^\\s'\"`$]+\\.tar\\.gz$", var.source_url))
    error_message = "source_url must be an https:// address of a .tar.gz: hosts run what they find there."
  }
}

variable "protect_data" {
  description = "Whether users, replies and audit trail refuse to be deleted. Set it to false, apply, and then destroy."
  type        = bool
  default     = true
}

variable "s3_use_path_style" {
  description = "For the local AWS only, whose buckets have no host names of their own."
  type        = bool
  default     = false
}

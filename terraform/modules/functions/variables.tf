variable "account" {
  description = "Partition, region and account id, of which ARNs are made."
  type        = object({ partition = string, region = string, id = string })
}

variable "artefact_dir" {
  description = "Folder that `make lambda` writes: the zip, the layers and manifest.json."
  type        = string

  validation {
    condition     = fileexists("${var.artefact_dir}/manifest.json")
    error_message = "artefact_dir has no manifest.json: run `make lambda` first, in the repository's root."
  }
}

variable "architecture" {
  description = "Architecture of the functions: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64: `make lambda` builds a layer for each."
  }
}

variable "runtime" {
  description = "Lambda runtime; the layer is compiled for this Python."
  type        = string
  default     = "python3.12"

  validation {
    condition     = can(regex("^python3\\.(1[1-9])$", var.runtime))
    error_message = "runtime must be python3.11 or newer, as python3.12."
  }
}

variable "optional_functions" {
  description = "Functions of later releases that the artefact has code for."
  type        = set(string)
  default     = []

  validation {
    condition = alltrue([
      for name in var.optional_functions : contains(["budget_killer", "canary", "cost_summary", "node_events"], name)
    ])
    error_message = "optional_functions may name budget_killer, canary, cost_summary and node_events."
  }
}

variable "access_log_group" {
  description = "Name of the API's access log, which the router writes to as well."
  type        = string
}

variable "api_url" {
  description = "Address of the API, for the canary."
  type        = string
}

variable "users" {
  description = "Issuer and app client of the tokens."
  type        = object({ issuer = string, client_id = string })
}

variable "reply_bucket" {
  description = "Bucket of replies."
  type        = object({ name = string, arn = string })
}

variable "key_bucket" {
  description = "Bucket with the copy of the pool's key set."
  type        = object({ name = string, arn = string })
}

variable "lease" {
  description = "Schedule group of the node's leases, and the role that stops the node when one ends."
  type        = object({ group = string, role_arn = string })
}

variable "resize" {
  description = "Name of the resize document, the role that it works with, and the instance types that it knows."
  type        = object({ document = string, role_arn = string, types = list(string) })
}

variable "topics" {
  description = "ARNs of the topics for alerts, for the end of the budget, and for the daily mail."
  type        = object({ alerts = string, kill = string, cost = string })
}

variable "budget_eur" {
  description = "Monthly budget in EUR."
  type        = number
}

variable "protect_data" {
  description = "Whether the ledger refuses to be deleted."
  type        = bool
  default     = true
}

variable "enable_redis" {
  description = "Whether the queue is on Redis, which puts the functions that need it inside the VPC."
  type        = bool
  default     = false
}

variable "queue" {
  description = "The queue: SQS URL and ARN, DynamoDB table, and the host of Redis, null without it."
  type = object({
    url        = string
    arn        = string
    table_name = string
    table_arn  = string
    redis_host = optional(string)
  })
}

variable "inside_cidrs" {
  description = "Address blocks of callers inside the VPC."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "Subnets of functions inside the VPC."
  type        = list(string)
  default     = []
}

variable "functions_security_group_id" {
  description = "Security group of functions inside the VPC."
  type        = string
  default     = null
}

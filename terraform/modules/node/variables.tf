variable "account" {
  description = "Partition, region and account id, of which ARNs are made."
  type        = object({ partition = string, region = string, id = string })
}

variable "enable_node" {
  description = "Whether there is a node. Without one, the API answers and nothing is ever started."
  type        = bool
  default     = true
}

variable "enable_eip" {
  description = "Whether the node has a fixed public address, for EUR 3.19 a month."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_eip || var.enable_node
    error_message = "enable_eip needs a node to attach the address to: set enable_node = true, or enable_eip = false."
  }
}

variable "known_types" {
  description = "Instance types whose price is known: those of tinyllama/domain/prices.py."
  type        = list(string)
}

variable "node_type" {
  description = "Instance type that the node is made with. Runbooks change it afterwards; Terraform does not."
  type        = string

  validation {
    condition     = contains(var.known_types, var.node_type)
    error_message = "node_type is not a type whose price is known: choose one of ${join(", ", var.known_types)}."
  }
}

variable "ubuntu" {
  description = "Ubuntu release of the node: 22.04 or 24.04."
  type        = string
  default     = "22.04"

  validation {
    condition     = contains(["22.04", "24.04"], var.ubuntu)
    error_message = "ubuntu must be 22.04 or 24.04: the roles are written for these."
  }
}

variable "ami_id" {
  description = "An image of your own, as baked beforehand; null for Canonical's newest of `ubuntu`."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "ami_id must look like ami-0123456789abcdef0, or be null for Canonical's newest."
  }
}

variable "subnet_id" {
  description = "Subnet of the node."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the node."
  type        = string
}

variable "reply_bucket" {
  description = "Bucket of replies."
  type        = object({ name = string, arn = string })
}

variable "queue" {
  description = "The queue: SQS URL and ARNs, DynamoDB table, and the host of Redis, null without it."
  type = object({
    url        = string
    arn        = string
    dead_arn   = string
    table_name = string
    table_arn  = string
    redis_host = optional(string)
  })
}

variable "enable_redis" {
  description = "Whether the queue is on Redis, so that the worker needs no permission for SQS and DynamoDB."
  type        = bool
  default     = false
}

variable "alert_topic_arn" {
  description = "Topic that alarms are sent to."
  type        = string
}

variable "boot_script" {
  description = "What the node runs whenever it boots, to set itself up; null leaves that to playbooks/site.yml."
  type        = string
  default     = null

  validation {
    condition     = var.boot_script == null || startswith(coalesce(var.boot_script, "#!"), "#!")
    error_message = "boot_script must be a script, which starts with #! and its interpreter."
  }

  validation {
    condition     = length(coalesce(var.boot_script, "#!")) < 16000
    error_message = "boot_script is too long: EC2 takes 16 KiB of user data. Let it fetch what it needs."
  }
}
